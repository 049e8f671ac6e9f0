"""The messages that health sends; what was treated is in none of them."""

from modules.health import texts
from notifications.api import Template

PAID = Template("health.paid", texts.PAID_TITLE, texts.PAID_BODY)
REFUSED = Template("health.refused", texts.REFUSED_TITLE, texts.REFUSED_BODY, sms=True)
REFUNDED = Template("health.refunded", texts.REFUNDED_TITLE, texts.REFUNDED_BODY)
