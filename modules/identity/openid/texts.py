"""The words of signing in elsewhere."""

from core.texts import Text

APP_REQUEST_INVALID = Text(
    "APP_REQUEST_INVALID",
    "登录请求已失效,请回到原应用重新登录",
    "This request to sign in is no longer good; please begin again in the other app",
)
APP_CONSENT = Text(
    "APP_CONSENT",
    "在您逐次确认后,将您选择提供的姓名、手机号码提供给您登录的应用。",
    "Each time you confirm it, the app that you sign in to is given your name or phone number.",
)
CONTINUE = Text(
    "CONTINUE_IN_APP", "在应用中确认登录", "Confirm in the app that you want to sign in"
)
UNKNOWN_CLIENT = Text(
    "UNKNOWN_CLIENT",
    "登录请求有误:应用或返回地址未登记",
    "This request is wrong: the app or its return address is not registered",
)
