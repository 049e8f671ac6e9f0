"""The messages that health sends; what was treated is in none of them."""

from kinds.payment import ending_templates
from modules.health import texts

ENDED = ending_templates(
    "health.",
    paid=(texts.PAID_TITLE, texts.PAID_BODY),
    refused=(texts.REFUSED_TITLE, texts.REFUSED_BODY),
    refunded=(texts.REFUNDED_TITLE, texts.REFUNDED_BODY),
)
