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
MINI_PROGRAMME_LINKED_TITLE = Text(
    "MINI_PROGRAMME_LINKED_TITLE", "已关联小程序", "A mini-programme was linked"
)
MINI_PROGRAMME_LINKED_MESSAGE = Text(
    "MINI_PROGRAMME_LINKED",
    "您的账户可从{device}小程序直接登录。如非本人操作,请立即解除关联并退出其他设备。",
    "Your account opens from the mini-programme of {device} now. If that was not you, end the "
    "link and your other sessions at once.",
)
MINI_PROGRAMME_UNLINKED_TITLE = Text(
    "MINI_PROGRAMME_UNLINKED_TITLE", "小程序关联已解除", "A mini-programme was unlinked"
)
MINI_PROGRAMME_UNLINKED_MESSAGE = Text(
    "MINI_PROGRAMME_UNLINKED",
    "您在{device}取消了授权,小程序与账户的关联已解除,由其打开的登录已退出。如非本人操作,"
    "请检查您在该平台的账户。",
    "You took your permission back at {device}: the link of its mini-programme with your account "
    "was ended, and what it had opened is signed out. If that was not you, look at your account "
    "there.",
)
