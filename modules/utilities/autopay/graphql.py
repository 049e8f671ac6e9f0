"""Autopay in GraphQL."""

from datetime import datetime
from typing import Annotated

import strawberry

from core.graphql import (
    Fen,
    IdempotencyKey,
    Info,
    Refused,
    mutation,
    parse_id,
    query,
    signed_in,
    view,
)
from modules.utilities.accounts.graphql import BillAccount, to_account
from modules.utilities.autopay import domain, service, texts
from modules.utilities.autopay.models import AutopayCharge as ChargeRow

view(domain.AutopayState)
view(domain.ChargeState, name="AutopayChargeState")


@strawberry.type(description="What one agrees to.")
class AutopayTerms:
    text: str = strawberry.field(description="The words.")
    text_version: str = strawberry.field(description="Their version, for agreeAutopay.")
    bill_ceiling_max: Fen = strawberry.field(description="The most for one bill.")
    month_ceiling_max: Fen = strawberry.field(description="The most in a month.")


@strawberry.type(description="One bill that autopay announced, pays or passed over.")
class AutopayCharge:
    bill_id: strawberry.ID = strawberry.field(description="The bill, for payBill.")
    amount: Fen = strawberry.field(description="How much.")
    state: domain.ChargeState = strawberry.field(description="How far it is.")
    reason: str | None = strawberry.field(description="Why it was not paid, a stable code.")
    announced_at: datetime = strawberry.field(description="When the payer was told.")
    pay_at: datetime = strawberry.field(description="When it is or was to be paid.")
    payment_id: strawberry.ID | None = strawberry.field(description="The payment, once begun.")


@strawberry.type(description="A consent that an account's bills are paid by themselves.")
class Autopay:
    id: strawberry.ID = strawberry.field(description="Its id, for endAutopay.")
    account: BillAccount | None = strawberry.field(
        description="The account; null once it is linked no more."
    )
    state: domain.AutopayState = strawberry.field(description="To be signed, active or ended.")
    sign_url: str | None = strawberry.field(
        description="Where the payer signs at the PSP; null unless SIGNING, or while it is silent."
    )
    bill_ceiling: Fen = strawberry.field(description="The most for one bill.")
    month_ceiling: Fen = strawberry.field(description="The most in a month.")
    spent_this_month: Fen = strawberry.field(description="Paid or announced for this month.")
    text_version: str = strawberry.field(description="The terms agreed to.")
    agreed_at: datetime = strawberry.field(description="When.")
    ended_at: datetime | None = strawberry.field(description="When it ended.")
    end_reason: str | None = strawberry.field(description="Why it ended, a stable code.")
    charges: list[AutopayCharge] = strawberry.field(description="The last twelve, newest first.")


@strawberry.type(description="The consent is given; the PSP still wants a signature.")
class AutopayAgreed:
    autopay: Autopay = strawberry.field(description="The consent.")


@strawberry.type(description="Nothing more is paid by itself; what is under way goes on.")
class AutopayEnded:
    autopay: Autopay = strawberry.field(description="The consent as it stands now.")


AgreeAutopayResult = Annotated[AutopayAgreed | Refused, strawberry.union("AgreeAutopayResult")]
EndAutopayResult = Annotated[AutopayEnded | Refused, strawberry.union("EndAutopayResult")]


@strawberry.type
class Query:
    """The query fields of autopay."""

    @query(signed_in(), description="What one agrees to with autopay.")
    async def autopay_terms(self, info: Info) -> AutopayTerms:
        """In the viewer's language."""
        return AutopayTerms(
            text=texts.AUTOPAY_CONSENT.say(info.context.locale),
            text_version=domain.TEXT_VERSION,
            bill_ceiling_max=Fen(domain.CEILING_MAX_FEN),
            month_ceiling_max=Fen(domain.CEILING_MAX_FEN * domain.MONTH_FACTOR),
        )

    @query(signed_in(), description="The viewer's autopay consents, newest first.")
    async def autopays(self, info: Info) -> list[Autopay]:
        """Ended ones included."""
        return [_autopay(shown) for shown in await service.list_autopays(info.context)]


@strawberry.type
class Mutation:
    """The mutation fields of autopay."""

    @mutation(
        signed_in(1, fresh=True),
        description="Agree that an account's bills are paid by themselves, within limits.",
        waits=True,
    )
    async def agree_autopay(
        self,
        info: Info,
        account_id: Annotated[
            strawberry.ID, strawberry.argument(description="The linked account's id.")
        ],
        bill_ceiling: Annotated[Fen, strawberry.argument(description="The most for one bill.")],
        month_ceiling: Annotated[Fen, strawberry.argument(description="The most in a month.")],
        text_version: Annotated[
            str, strawberry.argument(description="The version of the terms that were shown.")
        ],
        idempotency_key: IdempotencyKey,
    ) -> AgreeAutopayResult:
        """Each payment is announced a day before."""
        shown = await service.agree(
            info.context,
            parse_id(account_id),
            bill_ceiling_fen=bill_ceiling,
            month_ceiling_fen=month_ceiling,
            text_version=text_version,
            key=idempotency_key,
        )
        return AutopayAgreed(autopay=_autopay(shown))

    @mutation(signed_in(), description="End an autopay consent at once.")
    async def end_autopay(
        self,
        info: Info,
        autopay_id: Annotated[strawberry.ID, strawberry.argument(description="The consent's id.")],
        idempotency_key: IdempotencyKey,
    ) -> EndAutopayResult:
        """Ending twice is one end."""
        shown = await service.end(info.context, parse_id(autopay_id))
        return AutopayEnded(autopay=_autopay(shown))


def _autopay(shown: service.Shown) -> Autopay:
    row = shown.autopay
    return Autopay(
        id=strawberry.ID(str(row.id)),
        account=to_account(shown.link) if shown.link else None,
        state=domain.AutopayState(row.state),
        sign_url=shown.sign_url,
        bill_ceiling=Fen(row.bill_ceiling_fen),
        month_ceiling=Fen(row.month_ceiling_fen),
        spent_this_month=Fen(shown.spent_fen),
        text_version=row.text_version,
        agreed_at=row.agreed_at,
        ended_at=row.ended_at,
        end_reason=row.end_reason,
        charges=[_charge(charge) for charge in shown.charges],
    )


def _charge(row: ChargeRow) -> AutopayCharge:
    return AutopayCharge(
        bill_id=strawberry.ID(str(row.bill_id)),
        amount=Fen(row.amount_fen),
        state=domain.ChargeState(row.state),
        reason=row.reason,
        announced_at=row.announced_at,
        pay_at=row.pay_at,
        payment_id=strawberry.ID(str(row.intent_id)) if row.intent_id else None,
    )
