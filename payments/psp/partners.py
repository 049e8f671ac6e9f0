"""PSPs at which payees have merchants of their own: what they take is never ours."""

from collections.abc import Mapping

PARTNERS: Mapping[str, str] = {"wechatpay_sp": "wechatpay"}
"""By the PSP as whom payers know them. Their accounts are at zero at rest: nothing is settled to us
or paid out by us."""

SHARES = "wechatpay_shares"
"""Who tells of the city's shares of what such a PSP takes: the source of statements of them."""


def known_as(psp: str) -> str:
    """As whom payers know a PSP."""
    return PARTNERS.get(psp, psp)
