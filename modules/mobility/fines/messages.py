"""The messages that fines sends when a payment has ended."""

from modules.mobility.fines import texts
from notifications.api import MessageClass, Template

PAID = Template(
    "mobility.fine-paid",
    texts.PAID_TITLE,
    texts.PAID_BODY,
    about=MessageClass.MONEY,
)
REFUSED = Template(
    "mobility.fine-refused",
    texts.REFUSED_TITLE,
    texts.REFUSED_BODY,
    sms=True,
    about=MessageClass.MONEY,
)
REFUNDED = Template(
    "mobility.fine-refunded", texts.REFUNDED_TITLE, texts.REFUNDED_BODY, about=MessageClass.MONEY
)
