"""The messages that parking sends when a payment has ended."""

from modules.mobility.parking import texts
from notifications.api import Template

PAID = Template("mobility.parking-paid", texts.PAID_TITLE, texts.PAID_BODY)
REFUSED = Template("mobility.parking-refused", texts.REFUSED_TITLE, texts.REFUSED_BODY, sms=True)
REFUNDED = Template("mobility.parking-refunded", texts.REFUNDED_TITLE, texts.REFUNDED_BODY)
