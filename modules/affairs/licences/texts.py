"""The words of e-licences."""

from core.texts import Text

SYSTEM = "电子证照系统 / the e-licence system"
CONSENT = Text(
    "E_LICENCE_CONSENT",
    "为向您展示电子证照,并在您出示时供对方核验,凭您的证件号码向电子证照系统查询您的证照。",
    "To show you your e-licences, and to let those check them to whom you show them, your document "
    "number is used to ask the e-licence system for your licences.",
)
LICENCE_NOT_VALID = Text(
    "LICENCE_NOT_VALID", "该证照已失效,不能出示", "This licence does not hold, it cannot be shown"
)
FIELDS_UNKNOWN = Text(
    "FIELDS_UNKNOWN",
    "请选择要出示的内容",
    "Choose what is to be shown, among the fields of the licence",
)
PRESENTATION_INVALID = Text(
    "PRESENTATION_INVALID", "无法识别的出示码", "This is no presentation code of ours"
)
PRESENTATION_EXPIRED = Text(
    "PRESENTATION_EXPIRED", "出示码已过期,请重新出示", "The code has expired, ask for a new one"
)
PRESENTATION_USED = Text(
    "PRESENTATION_USED", "出示码已被使用,请重新出示", "The code was used before, ask for a new one"
)
PRESENTATION_CANCELLED = Text(
    "PRESENTATION_CANCELLED", "出示人已取消出示", "Who showed this code has taken it back"
)
VERIFIER_UNKNOWN = Text("VERIFIER_UNKNOWN", "核验方凭据无效", "No verifier has these credentials")
