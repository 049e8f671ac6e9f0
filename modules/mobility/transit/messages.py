"""The messages that transit sends when a payment has ended."""

from modules.mobility.transit import texts
from notifications.api import Template

PAID = Template("mobility.trip-paid", texts.PAID_TITLE, texts.PAID_BODY)
REFUSED = Template("mobility.trip-refused", texts.REFUSED_TITLE, texts.REFUSED_BODY, sms=True)
REFUNDED = Template("mobility.trip-refunded", texts.REFUNDED_TITLE, texts.REFUNDED_BODY)
