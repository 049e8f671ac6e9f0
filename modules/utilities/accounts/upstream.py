"""The billers, and an account that one of them knows. See docs/upstreams/billers.md."""

from core.upstream.operation import Request, System, json_of
from modules.utilities.accounts.domain import BillerAccount, UtilityKind

BILLERS = System("billers")


@BILLERS.operation(
    "GET",
    "/{kind}/accounts/{account_no}",
    answers=json_of(BillerAccount).or_none(404),
    hedged=True,
)
def find_account(kind: UtilityKind, account_no: str) -> Request:
    """An account, or None where there is none."""
    return Request(path={"kind": kind, "account_no": account_no})
