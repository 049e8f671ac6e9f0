"""The messages to the payer when a payment has ended."""

from modules._example.payment import texts
from notifications.api import MessageClass, Template

MONEY = MessageClass.MONEY
PAID = Template("example.example_payment-paid", texts.TITLE, texts.PAID_BODY, about=MONEY)
REFUSED = Template(
    "example.example_payment-refused", texts.TITLE, texts.REFUSED_BODY, about=MONEY, sms=True
)
REFUNDED = Template(
    "example.example_payment-refunded", texts.TITLE, texts.REFUNDED_BODY, about=MONEY
)
