"""The messages of disputes over accounts."""

from modules.identity.disputes import texts
from notifications.api import MessageClass, Param, Template

DISPUTE_OPENED = Template(
    "identity.dispute_opened",
    texts.DISPUTE_TITLE,
    texts.DISPUTE_OPENED_MESSAGE,
    about=MessageClass.SECURITY,
    params={"days": Param.NUMBER},
)
DISPUTE_DISMISSED = Template(
    "identity.dispute_dismissed",
    texts.DISPUTE_TITLE,
    texts.DISPUTE_DISMISSED_MESSAGE,
    about=MessageClass.SECURITY,
)
