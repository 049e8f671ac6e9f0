"""Which PSP takes a payment."""

from core.app import App
from payments.psp.port import Psp, WeChatPay

_PROTOCOLS: dict[str, type[Psp]] = {"wechatpay": WeChatPay}

DEFAULT = "wechatpay"


def get_psp(app: App, name: str) -> Psp:
    """The adapter of a PSP. Raises KeyError for a name nobody has."""
    return app.upstream(_PROTOCOLS[name])
