"""The channels in which people pay: PSPs have another kind of order for each."""

from enum import StrEnum


class PaymentChannel(StrEnum):
    """Where the payer is. BROWSER: a page in a browser. APP: a mobile app, which calls the PSP's
    SDK. WECHAT_PAGE: a page opened inside WeChat. MINI_PROGRAM: our mini-programme in WeChat.
    """

    BROWSER = "BROWSER"
    APP = "APP"
    WECHAT_PAGE = "WECHAT_PAGE"
    MINI_PROGRAM = "MINI_PROGRAM"


IN_WECHAT = frozenset({PaymentChannel.WECHAT_PAGE, PaymentChannel.MINI_PROGRAM})
"""Where the PSP has to be told who pays, by openid."""
