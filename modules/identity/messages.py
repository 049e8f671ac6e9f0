"""The messages that identity sends, all to phones that need not belong to anyone yet."""

from modules.identity import domain, texts
from notifications.api import MessageClass, Param, Template

LOGIN_CODE = Template(
    "identity.login_code",
    texts.CODE_TITLE,
    texts.CODE_MESSAGE,
    about=MessageClass.SECURITY,
    params={"minutes": Param.NUMBER},
    valid_for=domain.CODE_LIFE,
)
PROXY_PROPOSED = Template(
    "identity.proxy_proposed",
    texts.PROXY_TITLE,
    texts.PROXY_MESSAGE,
    about=MessageClass.SECURITY,
    params={"days": Param.NUMBER, "count": Param.NUMBER},
    valid_for=domain.PROPOSAL_LIFE,
)
