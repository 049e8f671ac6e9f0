"""One-time codes in GraphQL: asking for one, how it gets on, the captcha that may come before."""

from datetime import datetime
from typing import Annotated

import strawberry

from core.graphql import (
    IdempotencyKey,
    Info,
    Refused,
    anybody,
    by_data,
    mutation,
    parse_id,
    query,
    signed_in,
    view,
)
from modules.identity import captcha as captchas
from modules.identity import code_requests, codes
from modules.identity.domain import CodeChannel, Delivery
from modules.identity.graphql.arguments import ByChannel, Captcha, Phone
from modules.identity.graphql.signing_in import DeviceInput
from modules.identity.service import Device

view(Delivery, name="CodeDelivery")


@strawberry.type(description="A code is on its way to the phone.")
class LoginCodeSent:
    request_id: strawberry.ID = strawberry.field(description="For codeDelivery.")
    expires_at: datetime = strawberry.field(description="Until when the code is good.")
    resend_after_s: int = strawberry.field(description="Seconds until another can be asked for.")


@strawberry.type(description="A challenge; exactly one of the two is there.")
class CaptchaBegun:
    url: str | None = strawberry.field(
        description="The page to open: it hands the app a ticket once the challenge is solved."
    )
    ticket: str | None = strawberry.field(
        description="Where there is no page because the captcha service is silent: what goes in a "
        "ticket's place, once and for five minutes."
    )


BeginCaptchaResult = Annotated[CaptchaBegun | Refused, strawberry.union("BeginCaptchaResult")]


RequestLoginCodeResult = Annotated[
    LoginCodeSent | Refused, strawberry.union("RequestLoginCodeResult")
]
RequestStepUpCodeResult = Annotated[
    LoginCodeSent | Refused, strawberry.union("RequestStepUpCodeResult")
]


@strawberry.type
class Query:
    """The query field of codes."""

    @query(
        by_data("only who asked for the code knows its id", level=0),
        description="How a one-time code gets on.",
    )
    async def code_delivery(
        self,
        info: Info,
        request_id: Annotated[
            strawberry.ID, strawberry.argument(description="From the answer that sent the code.")
        ],
    ) -> Delivery:
        """For whoever asked for the code: nobody else knows the id."""
        return await codes.delivery(info.context, parse_id(request_id))


@strawberry.type
class Mutation:
    """The mutation fields of codes."""

    @mutation(anybody(), description="Send a one-time code to a phone.")
    async def request_login_code(
        self,
        info: Info,
        phone: Phone,
        idempotency_key: IdempotencyKey,
        device: Annotated[
            DeviceInput | None,
            strawberry.argument(
                description="The device that will sign in: one that was used before has limits of "
                "its own and meets no captcha."
            ),
        ] = None,
        channel: ByChannel = CodeChannel.TEXT,
        captcha: Captcha = None,
    ) -> RequestLoginCodeResult:
        """Repeats within the cooldown are refused, whatever the key."""
        asks_from = Device(device.id, device.name) if device else None
        wish = codes.Wish(channel, captcha)
        return code_sent(
            await code_requests.to_sign_in(info.context, phone, idempotency_key, asks_from, wish)
        )

    @mutation(
        signed_in(), description="Send a one-time code to the viewer's own phone, for stepUp."
    )
    async def request_step_up_code(
        self, info: Info, idempotency_key: IdempotencyKey, channel: ByChannel = CodeChannel.TEXT
    ) -> RequestStepUpCodeResult:
        """Repeats within the cooldown are refused, whatever the key."""
        wish = codes.Wish(channel)
        return code_sent(await code_requests.to_step_up(info.context, idempotency_key, wish))

    @mutation(anybody(), description="Begin a challenge, after CAPTCHA_REQUIRED.")
    async def begin_captcha(
        self, info: Info, idempotency_key: IdempotencyKey
    ) -> BeginCaptchaResult:
        """Nothing is kept of it here: each send begins one."""
        begun = await captchas.begin(info.context)
        return CaptchaBegun(url=begun.url, ticket=begun.ticket)


def code_sent(sent: codes.CodeSent) -> LoginCodeSent:
    return LoginCodeSent(
        request_id=strawberry.ID(str(sent.id)),
        expires_at=sent.expires_at,
        resend_after_s=sent.resend_after_s,
    )
