"""The words of signing in from mini-programmes."""

from core.texts import Text

WECHAT = "微信 / WeChat"
ALIPAY = "支付宝 / Alipay"

PLATFORM_OFF = Text(
    "PLATFORM_OFF",
    "本市未开通该平台的小程序登录",
    "This city has no mini-programme on that platform",
)
PLATFORM_CODE_REFUSED = Text(
    "PLATFORM_CODE_REFUSED",
    "平台未认可本次授权,请在小程序中重新授权",
    "The platform did not accept this; please agree again in the mini-programme",
)
PLATFORM_PHONE_NEEDED = Text(
    "PLATFORM_PHONE_NEEDED",
    "首次登录需授权平台绑定的手机号",
    "The first time, let the mini-programme tell the phone number that the platform has",
)
TEXT_CODE_NEEDED = Text(
    "TEXT_CODE_NEEDED",
    "该手机号已有账户,请先用短信验证码登录,再关联小程序",
    "This number has an account: sign in with a code by text once, then link the mini-programme",
)
LINKED_ALREADY = Text(
    "LINKED_ALREADY",
    "该平台用户或您的账户已关联其他账户,请先解除关联",
    "That platform's user, or your account, is linked already: end that link first",
)
