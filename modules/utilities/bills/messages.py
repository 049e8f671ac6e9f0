"""The messages that bills sends."""

from modules.utilities.bills import texts
from notifications.api import MessageClass, Template

PAID = Template("bills.paid", texts.PAID_TITLE, texts.PAID_BODY, about=MessageClass.MONEY)
REFUSED = Template(
    "bills.refused", texts.REFUSED_TITLE, texts.REFUSED_BODY, sms=True, about=MessageClass.MONEY
)
REFUNDED = Template(
    "bills.refunded", texts.REFUNDED_TITLE, texts.REFUNDED_BODY, about=MessageClass.MONEY
)
