"""The messages that health sends; what was treated is in none of them."""

from modules.health import texts
from notifications.api import MessageClass, Template

PAID = Template(
    "health.paid",
    texts.PAID_TITLE,
    texts.PAID_BODY,
    about=MessageClass.MONEY,
)
REFUSED = Template(
    "health.refused", texts.REFUSED_TITLE, texts.REFUSED_BODY, sms=True, about=MessageClass.MONEY
)
REFUNDED = Template(
    "health.refunded", texts.REFUNDED_TITLE, texts.REFUNDED_BODY, about=MessageClass.MONEY
)
