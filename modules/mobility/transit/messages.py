"""The messages that transit sends when a payment has ended."""

from modules.mobility.transit import texts
from notifications.api import MessageClass, Template

PAID = Template(
    "mobility.trip-paid",
    texts.PAID_TITLE,
    texts.PAID_BODY,
    about=MessageClass.MONEY,
)
REFUSED = Template(
    "mobility.trip-refused",
    texts.REFUSED_TITLE,
    texts.REFUSED_BODY,
    sms=True,
    about=MessageClass.MONEY,
)
REFUNDED = Template(
    "mobility.trip-refunded", texts.REFUNDED_TITLE, texts.REFUNDED_BODY, about=MessageClass.MONEY
)
