"""How an order is paid at WeChat Pay: which kind of order a channel has, and how its SDK is called.

A page in a browser is given an address. A mobile app and a page or mini-programme inside WeChat are
given the parameters of the call that brings up WeChat Pay, signed with our key.
Source: pay.weixin.qq.com/doc/v3/merchant (APP 4013070351, JSAPI 4012791857, mini-programme
4012791898).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from payments.psp.channels import PaymentChannel
from payments.psp.port import Order

PATHS: Mapping[PaymentChannel, str] = {
    PaymentChannel.BROWSER: "h5",
    PaymentChannel.APP: "app",
    PaymentChannel.WECHAT_PAGE: "jsapi",
    PaymentChannel.MINI_PROGRAM: "jsapi",
}


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls the SDK: the merchant who placed the order, and its application of the channel.

    For a sub-merchant that is the service provider, as in WeChat Pay's own client for API v3
    (github.com/wechatpay-apiv3/wechatpay-java, partnerpayments.app.AppServiceExtension).
    """

    mchid: str
    appid: str


def order_members(order: Order, openid: str) -> dict[str, object]:
    """What an order tells beside the members that all kinds have; `openid` is what a payer's number
    at our application is called."""
    if order.channel is PaymentChannel.BROWSER:
        scene = {"payer_client_ip": order.client_address, "h5_info": {"type": "Wap"}}
        return {"scene_info": scene}
    scene = {"payer_client_ip": order.client_address}
    if order.openid is None:
        return {"scene_info": scene}
    return {"scene_info": scene, "payer": {openid: order.openid}}


def sdk_call(
    channel: PaymentChannel,
    caller: Caller,
    prepay_id: str,
    *,
    timestamp: str,
    nonce: str,
    sign: Callable[..., str],
) -> dict[str, str]:
    """The parameters that the channel's SDK is called with; `sign` signs lines with our key.

    What is signed is the prepay_id in an app, and `package` as it is written inside WeChat.
    """
    if channel is PaymentChannel.APP:
        return {
            "appid": caller.appid,
            "partnerid": caller.mchid,
            "prepayid": prepay_id,
            "package": "Sign=WXPay",
            "noncestr": nonce,
            "timestamp": timestamp,
            "sign": sign(caller.appid, timestamp, nonce, prepay_id),
        }
    package = f"prepay_id={prepay_id}"
    return {
        "appId": caller.appid,
        "timeStamp": timestamp,
        "nonceStr": nonce,
        "package": package,
        "signType": "RSA",
        "paySign": sign(caller.appid, timestamp, nonce, package),
    }
