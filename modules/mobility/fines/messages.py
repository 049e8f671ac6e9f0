"""The messages that fines sends when a payment has ended."""

from modules.mobility.fines import texts
from notifications.api import Template

PAID = Template("mobility.fine-paid", texts.PAID_TITLE, texts.PAID_BODY)
REFUSED = Template("mobility.fine-refused", texts.REFUSED_TITLE, texts.REFUSED_BODY, sms=True)
REFUNDED = Template("mobility.fine-refunded", texts.REFUNDED_TITLE, texts.REFUNDED_BODY)
