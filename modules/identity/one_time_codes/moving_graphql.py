"""Moving an account to another phone, in GraphQL."""

from typing import Annotated

import strawberry

from core.graphql import IdempotencyKey, Info, Refused, mutation, signed_in
from modules.identity import moving
from modules.identity.codes import Wish
from modules.identity.domain import CodeChannel
from modules.identity.graphql.arguments import ByChannel, Captcha, Code, Phone
from modules.identity.graphql.signing_in import Viewer, viewer_of
from modules.identity.one_time_codes.graphql import LoginCodeSent, code_sent


@strawberry.type(description="The account has another phone.")
class PhoneChanged:
    viewer: Viewer = strawberry.field(description="The account as it stands now.")


RequestPhoneCodeResult = Annotated[
    LoginCodeSent | Refused, strawberry.union("RequestPhoneCodeResult")
]
ChangePhoneResult = Annotated[PhoneChanged | Refused, strawberry.union("ChangePhoneResult")]


@strawberry.type
class Mutation:
    """The mutation fields of moving an account."""

    @mutation(signed_in(fresh=True), description="Send a one-time code to the phone to move to.")
    async def request_phone_code(
        self,
        info: Info,
        phone: Phone,
        idempotency_key: IdempotencyKey,
        channel: ByChannel = CodeChannel.TEXT,
        captcha: Captcha = None,
    ) -> RequestPhoneCodeResult:
        """For changePhone."""
        wish = Wish(channel, captcha)
        return code_sent(await moving.request_code(info.context, phone, idempotency_key, wish))

    @mutation(
        signed_in(fresh=True),
        description="Move the account to another phone; one without a real name there is merged.",
        waits=True,
    )
    async def change_phone(
        self, info: Info, phone: Phone, code: Code, idempotency_key: IdempotencyKey
    ) -> ChangePhoneResult:
        """The old phone is told."""
        await moving.change_phone(info.context, phone, code, idempotency_key)
        return PhoneChanged(viewer=await viewer_of(info.context))
