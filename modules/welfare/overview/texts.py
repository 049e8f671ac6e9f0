"""The words of the insurances' card."""

from core.texts import Text

CARD = Text("SOCIAL_INSURANCE", "社会保险", "Social insurance")
