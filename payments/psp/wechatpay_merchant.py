"""Who we are at WeChat Pay, and how that is told: for ourselves, or for a payee's own merchant."""

from collections.abc import Mapping
from dataclasses import dataclass

from payments.psp.channels import PaymentChannel


@dataclass(frozen=True, slots=True)
class Merchant:
    """Who we are at WeChat Pay, and the serial of the key by which we believe it."""

    mchid: str
    appid: str
    merchant_serial: str
    platform_serial: str
    app_appid: str = ""
    page_appid: str = ""
    mini_appid: str = ""
    """Our applications of the other channels, bound to the same mchid; none: no such channel."""

    @property
    def appids(self) -> Mapping[PaymentChannel, str]:
        """Our application of each channel that we have."""
        applications = {
            PaymentChannel.BROWSER: self.appid,
            PaymentChannel.APP: self.app_appid,
            PaymentChannel.WECHAT_PAGE: self.page_appid,
            PaymentChannel.MINI_PROGRAM: self.mini_appid,
        }
        return {channel: appid for channel, appid in applications.items() if appid}


SANDBOX_MERCHANT = Merchant(
    "1900000001",
    "wxsandbox0000000001",
    "SANDBOXMERCHANT0001",
    "PUB_KEY_ID_SANDBOX_0001",
    app_appid="wxsandbox0000000002",
    page_appid="wxsandbox0000000003",
    mini_appid="wxsandbox0000000004",
)
SANDBOX_PROVIDER = Merchant(
    "1900000100",
    "wxsandbox0000000101",
    "SANDBOXPROVIDER0001",
    "PUB_KEY_ID_SANDBOX_0101",
    app_appid="wxsandbox0000000102",
    page_appid="wxsandbox0000000103",
    mini_appid="wxsandbox0000000104",
)
"""The sandbox's service provider (服务商)."""


@dataclass(frozen=True, slots=True)
class Party:
    """As whom WeChat Pay is spoken to: a merchant for itself."""

    mchid: str

    @property
    def orders(self) -> str:
        """Where orders are placed, asked for and closed."""
        return "/v3/pay/transactions"

    @property
    def names(self) -> Mapping[str, str]:
        """Whose order it is, when it is placed, asked for and closed."""
        return {"mchid": self.mchid}

    @property
    def of_refund(self) -> Mapping[str, str]:
        """Whose refund it is."""
        return {}

    @property
    def sub_mchid(self) -> str | None:
        """The payee's own merchant that takes the money."""
        return None

    def ours(self, name: str) -> str:
        """What a member that tells of us (mchid, appid, openid) is called."""
        return name


@dataclass(frozen=True, slots=True)
class SubMerchant(Party):
    """As a service provider for one of its sub-merchants (特约商户); without one, for all of them:
    that reads callbacks and bills and asks for nothing.

    Source: pay.weixin.qq.com/doc/v3/partner; the same in github.com/wechatpay-apiv3/wechatpay-go,
    services/partnerpayments.
    """

    merchant: str | None = None

    @property
    def orders(self) -> str:
        """See Party."""
        return "/v3/pay/partner/transactions"

    @property
    def names(self) -> Mapping[str, str]:
        """See Party."""
        return {"sp_mchid": self.mchid, **self.of_refund}

    @property
    def of_refund(self) -> Mapping[str, str]:
        """See Party. Raises ValueError where nobody's orders are asked for."""
        if self.merchant is None:
            raise ValueError("an order at a service provider is a sub-merchant's")
        return {"sub_mchid": self.merchant}

    @property
    def sub_mchid(self) -> str | None:
        """See Party."""
        return self.merchant

    def ours(self, name: str) -> str:
        """See Party."""
        return f"sp_{name}"
