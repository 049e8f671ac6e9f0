"""WeChat Pay for payees' own merchants (特约商户): orders, refunds and callbacks of a service
provider (服务商), which is another merchant than ours, with keys of its own.

Requests differ from a merchant's by whom they name (payments.psp.wechatpay_merchant); the money
is the sub-merchant's, and so is what a refund takes.
"""

from core.context.app import App
from core.errors import StartError
from payments.psp.merchants import read_merchant
from payments.psp.wechatpay import WeChatPayClient
from payments.psp.wechatpay_merchant import SANDBOX_PROVIDER, Party, SubMerchant

NAME = "wechatpay_sp"
CALLBACK_PATH = "/callbacks/wechatpay-sp"


def open_client(app: App, address: str) -> "WeChatPayPartnerClient | None":
    """The client of this installation; None where PSPS does not name it.

    Raises StartError where its keys are missing.
    """
    if NAME not in app.settings.psp_names:
        return None
    keys = app.keys.wechat_sp
    if keys is None:
        raise StartError(
            "PSPS names wechatpay_sp: wechat_sp_merchant_private.pem, "
            "wechat_sp_platform_public.pem and wechat_sp_apiv3.key are missing in KEYS_DIR"
        )
    return WeChatPayPartnerClient(
        http=app.http.upstream(NAME, address),
        clock=app.clock,
        merchant=read_merchant(app.settings, NAME, SANDBOX_PROVIDER),
        private_key=keys.merchant_private,
        platform_key=keys.platform_public,
        apiv3_key=keys.apiv3,
        notify_url=app.settings.base_url + CALLBACK_PATH,
        other_platform_keys=keys.platform_others,
    )


class WeChatPayPartnerClient(WeChatPayClient):
    """Speaks to WeChat Pay as a service provider; fulfils payments.psp.port.WeChatPayPartner."""

    name = NAME

    def party(self) -> Party:
        """Nobody's orders are asked for by this one: see on_behalf_of."""
        return SubMerchant(self.merchant.mchid)

    def on_behalf_of(self, merchant: str) -> WeChatPayClient:
        """See the port."""
        return self.speaking_as(SubMerchant(self.merchant.mchid, merchant))
