"""The messages that identity sends: to phones that may have no account, and to owners."""

from modules.identity import domain, recovery_texts, texts
from notifications.api import MessageClass, Param, Template

LOGIN_CODE = Template(
    "identity.login_code",
    texts.CODE_TITLE,
    texts.CODE_MESSAGE,
    about=MessageClass.SECURITY,
    params={"minutes": Param.NUMBER},
    valid_for=domain.CODE_LIFE,
)
SPOKEN_CODE = Template(
    "identity.spoken_code",
    texts.CODE_TITLE,
    texts.SPOKEN_CODE_MESSAGE,
    by_voice=True,
    about=MessageClass.SECURITY,
    params={"minutes": Param.NUMBER},
    valid_for=domain.SPOKEN_CODE_LIFE,
)
NEW_DEVICE = Template("identity.new_device", texts.NEW_DEVICE_TITLE, texts.NEW_DEVICE_MESSAGE)
REUSED_TOKEN = Template(
    "identity.reused_token", texts.REUSED_TOKEN_TITLE, texts.REUSED_TOKEN_MESSAGE
)
SIGNED_OUT = Template("identity.signed_out", texts.SIGNED_OUT_TITLE, texts.SIGNED_OUT_MESSAGE)
NEW_PASSKEY = Template("identity.new_passkey", texts.NEW_PASSKEY_TITLE, texts.NEW_PASSKEY_MESSAGE)
DEVICE_BOUND = Template(
    "identity.device_bound", texts.DEVICE_BOUND_TITLE, texts.DEVICE_BOUND_MESSAGE
)
ACTED_FOR_YOU = Template("identity.acted_for_you", texts.ACTED_TITLE, texts.ACTED_FOR_YOU_MESSAGE)
ACTED_FOR_CHILD = Template(
    "identity.acted_for_child", texts.ACTED_TITLE, texts.ACTED_FOR_CHILD_MESSAGE
)
CHILD_CLAIMED = Template(
    "identity.child_claimed", texts.CHILD_CLAIMED_TITLE, texts.CHILD_CLAIMED_MESSAGE
)
CLOSING_ASKED = Template(
    "identity.closing_asked",
    texts.CLOSING_ASKED_TITLE,
    texts.CLOSING_ASKED_MESSAGE,
    about=MessageClass.SECURITY,
    params={"closes_on": Param.DATE},
)
CLOSING_WAITS = Template(
    "identity.closing_waits", texts.CLOSING_WAITS_TITLE, texts.CLOSING_WAITS_MESSAGE
)
PERSON_DIED = Template("identity.person_died", texts.PERSON_DIED_TITLE, texts.PERSON_DIED_MESSAGE)
PHONE_CHANGED = Template(
    "identity.phone_changed",
    texts.PHONE_CHANGED_TITLE,
    texts.PHONE_CHANGED_MESSAGE,
    about=MessageClass.SECURITY,
)
RECOVERY_BEGUN = Template(
    "identity.recovery_begun",
    recovery_texts.RECOVERY_TITLE,
    recovery_texts.RECOVERY_MESSAGE,
    about=MessageClass.SECURITY,
    params={"days": Param.NUMBER},
)
RECOVERY_STOPPED = Template(
    "identity.recovery_stopped",
    recovery_texts.RECOVERY_TITLE,
    recovery_texts.RECOVERY_STOPPED_MESSAGE,
    about=MessageClass.SECURITY,
)
RECOVERY_WITHDRAWN = Template(
    "identity.recovery_withdrawn",
    recovery_texts.RECOVERY_TITLE,
    recovery_texts.RECOVERY_WITHDRAWN_MESSAGE,
    about=MessageClass.SECURITY,
)
PROXY_PROPOSED = Template(
    "identity.proxy_proposed",
    texts.PROXY_TITLE,
    texts.PROXY_MESSAGE,
    about=MessageClass.SECURITY,
    params={"days": Param.NUMBER, "count": Param.NUMBER},
    valid_for=domain.PROPOSAL_LIFE,
)
