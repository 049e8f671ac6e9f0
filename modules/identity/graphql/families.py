"""Guardians and proxies in GraphQL."""

from datetime import date, datetime
from typing import Annotated

import strawberry

from core.graphql import IdempotencyKey, Info, Refused, mutation, parse_id, query, signed_in, view
from core.security.mandate import MandateKind
from core.security.vault import mask_name
from modules.identity import children, claims, families, models, texts
from modules.identity.families import Party
from modules.identity.graphql.arguments import BornOn, DocumentNo, MandateId, Phone, RealName

view(MandateKind)


@strawberry.type(description="That one person may act for another.")
class Mandate:
    id: strawberry.ID = strawberry.field(description="The mandate's id.")
    kind: MandateKind = strawberry.field(description="On what ground.")
    state: str = strawberry.field(description="proposed, active or ended.")
    acts_for_other: bool = strawberry.field(
        description="Whether the viewer is the one who acts; otherwise they are acted for."
    )
    person_id: strawberry.ID | None = strawberry.field(
        description="Whom the viewer acts for: the value of `onBehalfOf`; null otherwise."
    )
    other_name: str | None = strawberry.field(
        description="The name on the other side: masked, or whole for one's own child and for who "
        "asks to act for the viewer; null while a proposal of the viewer's is open."
    )
    services: list[strawberry.ID] | None = strawberry.field(
        description="The services it covers; null: all that can be used for others."
    )
    proposed_at: datetime = strawberry.field(description="When it was proposed.")
    confirmed_at: datetime | None = strawberry.field(description="Since when it holds.")
    ends_at: datetime = strawberry.field(description="When it ends by itself.")
    ended_at: datetime | None = strawberry.field(description="When it was ended.")


@strawberry.type(description="The child can be acted for.")
class ChildAdded:
    mandate: Mandate = strawberry.field(description="The guardianship.")


@strawberry.type(description="The proposal waits to be confirmed.")
class ProxyProposed:
    mandate: Mandate = strawberry.field(description="The proposal.")


@strawberry.type(description="The proxy may act from now on.")
class ProxyConfirmed:
    mandate: Mandate = strawberry.field(description="The mandate.")


@strawberry.type(description="The mandate has ended, everywhere and at once.")
class MandateEnded:
    mandate: Mandate = strawberry.field(description="The mandate as it stands now.")


@strawberry.type(description="A code for the child, shown once.")
class ClaimCodeMade:
    child_id: strawberry.ID = strawberry.field(description="The child.")
    claim_code: str = strawberry.field(description="Goes into verifyRealName on the child's phone.")
    expires_at: datetime = strawberry.field(description="Until when it is good.")


MakeClaimCodeResult = Annotated[ClaimCodeMade | Refused, strawberry.union("MakeClaimCodeResult")]
AddChildResult = Annotated[ChildAdded | Refused, strawberry.union("AddChildResult")]
AddNewbornResult = Annotated[ChildAdded | Refused, strawberry.union("AddNewbornResult")]
ProposeProxyResult = Annotated[ProxyProposed | Refused, strawberry.union("ProposeProxyResult")]
ConfirmProxyResult = Annotated[ProxyConfirmed | Refused, strawberry.union("ConfirmProxyResult")]
EndMandateResult = Annotated[MandateEnded | Refused, strawberry.union("EndMandateResult")]


@strawberry.type
class Query:
    """The query field of mandates."""

    @query(
        signed_in(), description="Whom the viewer acts for, and who acts for them; newest first."
    )
    async def mandates(self, info: Info) -> list[Mandate]:
        """Both sides, with open proposals; ended ones for a month."""
        return [_mandate(party) for party in await families.list_mandates(info.context)]


@strawberry.type
class Mutation:
    """The mutation fields of mandates."""

    @mutation(
        signed_in(2),
        description="Become the guardian of one's child; needs the consent `identity.family`.",
        waits=True,
    )
    async def add_child(
        self,
        info: Info,
        name: RealName,
        resident_id: DocumentNo,
        idempotency_key: IdempotencyKey,
        born_on: BornOn = None,
    ) -> AddChildResult:
        """The same child added again is added once."""
        row = await children.add_child(info.context, name, resident_id, idempotency_key, born_on)
        return ChildAdded(mandate=_mandate(Party(row, True, name.strip())))

    @mutation(
        signed_in(2),
        description="Become the guardian of one's newborn, who has no ID number yet; needs the "
        "consent `identity.newborn`. Once there is a number, addChild gives it to the same child.",
        waits=True,
    )
    async def add_newborn(
        self,
        info: Info,
        certificate_no: Annotated[
            str,
            strawberry.argument(description="The number of the birth certificate (出生医学证明)."),
        ],
        idempotency_key: IdempotencyKey,
    ) -> AddNewbornResult:
        """The same child added again, by the other parent too, is the same child."""
        row = await children.add_newborn(info.context, certificate_no, idempotency_key)
        return ChildAdded(mandate=await _seen(info, row))

    @mutation(
        signed_in(2, fresh=True),
        description="A code by which a child of the viewer goes on from a phone of its own.",
        act=texts.MADE_CLAIM_CODE,
        waits=True,
    )
    async def make_claim_code(
        self,
        info: Info,
        child_id: Annotated[strawberry.ID, strawberry.argument(description="The child's id.")],
        idempotency_key: IdempotencyKey,
    ) -> MakeClaimCodeResult:
        """A new one ends the one before it."""
        made = await claims.make(info.context, parse_id(child_id), idempotency_key)
        return ClaimCodeMade(child_id=child_id, claim_code=made.code, expires_at=made.expires_at)

    @mutation(signed_in(2), description="Ask somebody to let the viewer act for them.", waits=True)
    async def propose_proxy(
        self,
        info: Info,
        phone: Phone,
        services: Annotated[
            list[strawberry.ID],
            strawberry.argument(description="What the viewer wants to do: ids of the catalogue."),
        ],
        until: Annotated[
            date, strawberry.argument(description="The last day, at most three years from now.")
        ],
        idempotency_key: IdempotencyKey,
    ) -> ProposeProxyResult:
        """`until` is the last day, at most three years from now."""
        row = await families.propose_proxy(
            info.context, phone, [str(s) for s in services], until, idempotency_key
        )
        return ProxyProposed(mandate=_mandate(Party(row, True)))

    @mutation(
        signed_in(2, fresh=True),
        description="Let the proposer act for the viewer, as proposed.",
        waits=True,
    )
    async def confirm_proxy(
        self, info: Info, mandate_id: MandateId, idempotency_key: IdempotencyKey
    ) -> ConfirmProxyResult:
        """Confirming twice is confirming once."""
        row = await families.confirm_mandate(info.context, parse_id(mandate_id))
        return ProxyConfirmed(mandate=await _seen(info, row))

    @mutation(
        signed_in(),
        description="End a mandate from either side, or decline a proposal.",
        waits=True,
    )
    async def end_mandate(
        self, info: Info, mandate_id: MandateId, idempotency_key: IdempotencyKey
    ) -> EndMandateResult:
        """Ending twice is ending once. Staff with the scope end any."""
        row = await families.end_mandate(info.context, parse_id(mandate_id))
        return MandateEnded(mandate=await _seen(info, row))


async def _seen(info: Info, row: models.Mandate) -> Mandate:
    """A mandate as the viewer sees it, with the other side's name."""
    (party,) = await families.parties_of(info.context, [row])
    return _mandate(party)


def _mandate(party: Party) -> Mandate:
    row: models.Mandate = party.mandate
    name = party.other_name
    is_own_child = party.is_actor and row.kind == MandateKind.GUARDIAN
    asks = not party.is_actor and row.state == "proposed"
    acts_for = row.subject_id if party.is_actor else None
    return Mandate(
        id=strawberry.ID(str(row.id)),
        kind=MandateKind(row.kind),
        state=row.state,
        acts_for_other=party.is_actor,
        person_id=strawberry.ID(str(acts_for)) if acts_for else None,
        other_name=name if name is None or is_own_child or asks else mask_name(name),
        services=None if row.services is None else [strawberry.ID(s) for s in row.services],
        proposed_at=row.proposed_at,
        confirmed_at=row.confirmed_at,
        ends_at=row.ends_at,
        ended_at=row.ended_at,
    )
