"""Arguments that several of identity's fields take, with the words that the playground shows."""

from datetime import date
from typing import Annotated

import strawberry

from core.graphql import view
from modules.identity.domain import CodeChannel

Phone = Annotated[
    str,
    strawberry.argument(
        description="A mainland mobile number: 11 digits; +86, blanks and dashes may be there too."
    ),
]
view(CodeChannel, name="CodeChannel")
ByChannel = Annotated[
    CodeChannel,
    strawberry.argument(description="How it comes: by a text, or read out by a call."),
]
Captcha = Annotated[
    str | None,
    strawberry.argument(
        description="After CAPTCHA_REQUIRED: the ticket, from the page that beginCaptcha names."
    ),
]
Code = Annotated[str, strawberry.argument(description="The six digits of the text message.")]
RealName = Annotated[
    str, strawberry.argument(description="The name as it stands on the identity card.")
]
DocumentNo = Annotated[
    str,
    strawberry.argument(
        description="The number of the ID card (GB 11643), of a residence permit for people from "
        "Hong Kong, Macao or Taiwan, of a foreigner's permanent residence card, or of a mainland "
        "travel permit."
    ),
]
BornOn = Annotated[
    date | None, strawberry.argument(description="Needed unless the number has 18 characters.")
]
PurposeId = Annotated[
    str, strawberry.argument(description="The purpose's id, from consentPurposes.")
]
MandateId = Annotated[
    strawberry.ID, strawberry.argument(description="The mandate's id, from mandates.")
]
