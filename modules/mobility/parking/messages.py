"""The messages that parking sends when a payment has ended."""

from modules.mobility.parking import texts
from notifications.api import MessageClass, Template

PAID = Template(
    "mobility.parking-paid", texts.PAID_TITLE, texts.PAID_BODY, about=MessageClass.MONEY
)
REFUSED = Template(
    "mobility.parking-refused",
    texts.REFUSED_TITLE,
    texts.REFUSED_BODY,
    sms=True,
    about=MessageClass.MONEY,
)
REFUNDED = Template(
    "mobility.parking-refunded", texts.REFUNDED_TITLE, texts.REFUNDED_BODY, about=MessageClass.MONEY
)
