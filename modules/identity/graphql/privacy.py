"""Consents, who looked, and everything held, in GraphQL."""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from datetime import date, datetime
from typing import Annotated, cast
from uuid import UUID

import strawberry
from strawberry.scalars import JSON

from core.context.call import Call
from core.database import models
from core.database.models import AccessLog
from core.graphql import (
    Connection,
    IdempotencyKey,
    Info,
    OnBehalfOf,
    Refused,
    anybody,
    connection,
    mutation,
    page_size,
    parse_id,
    query,
    signed_in,
    subscription,
)
from core.people import consents, personal_read
from core.people.data_rights import Exported, Hold
from core.people.freezes import refuse_frozen
from core.people.mandates import act_for, while_acting
from core.security.vault import mask_name
from modules.identity import personal_data, store
from modules.identity.graphql.arguments import PurposeId
from modules.identity.models import NAME


@strawberry.type(description="One read of a person's data.")
class AccessRecord:
    id: strawberry.ID = strawberry.field(description="The row's id, a cursor for `after`.")
    service: str = strawberry.field(description="The service that asked.")
    upstream: str = strawberry.field(description="The system that was asked.")
    purpose: str = strawberry.field(description="What the data was read for.")
    fields: list[str] = strawberry.field(description="Which data was read.")
    by_myself: bool = strawberry.field(description="Whether the person read their own data.")
    actor_role: str = strawberry.field(
        description="Who read it: self, guardian, proxy, verifier (an outside party to whom the "
        "person has shown it), or the role of a member of staff."
    )
    actor_name: str | None = strawberry.field(
        description="The name of a guardian or proxy, masked, or of a verifier, with its reason; "
        "null for oneself and for staff."
    )
    case_no: str | None = strawberry.field(description="The case that staff looked for.")
    read_at: datetime = strawberry.field(description="When it was read.")


@strawberry.type(description="A consent of a person.")
class Consent:
    id: strawberry.ID = strawberry.field(description="The consent's id.")
    purpose: str = strawberry.field(description="What for.")
    source: str = strawberry.field(description="The system that is asked.")
    recipient: str = strawberry.field(
        description='Who receives the data: "city" for this app, else an outside party.'
    )
    fields: list[str] = strawberry.field(description="Which data.")
    text_version: str = strawberry.field(description="The version of the text agreed to.")
    granted_at: datetime = strawberry.field(description="Since when.")
    until: datetime | None = strawberry.field(description="Until when, where it ends by itself.")
    withdrawn_at: datetime | None = strawberry.field(description="Until when, where withdrawn.")
    by_guardian: bool = strawberry.field(description="Whether a guardian agreed.")


@strawberry.type(description="Something a citizen can be asked to consent to.")
class ConsentPurpose:
    purpose: str = strawberry.field(description="The purpose's name for grantConsent.")
    upstream: str = strawberry.field(description="The system that is asked.")
    recipient: str = strawberry.field(
        description='Who receives the data: "city" for this app, else an outside party.'
    )
    fields: list[str] = strawberry.field(description="Which data is read or passed on.")
    text: str = strawberry.field(description="What the citizen agrees to.")
    text_version: str = strawberry.field(description="The version of the text.")
    life_days: int | None = strawberry.field(description="How long it holds; null: no end.")


@strawberry.type(description="The consent stands.")
class ConsentGranted:
    consent: Consent = strawberry.field(description="The consent.")


@strawberry.type(description="The consent is withdrawn; nothing is read under it any more.")
class ConsentWithdrawn:
    purpose: str = strawberry.field(description="The purpose.")
    consents: list[Consent] = strawberry.field(
        description="The consents to it as they stand now, newest first; perhaps there was none."
    )


@strawberry.type(description="Something that is kept or withheld, and why.")
class Reason:
    wing: str = strawberry.field(description="The part of the city's system that says so.")
    what: str = strawberry.field(description="What it is about.")
    reason: str = strawberry.field(description="Why.")
    until: date | None = strawberry.field(description="Until when, where that is known.")


@strawberry.type(description="Everything held about the person.")
class DataExport:
    content: JSON = strawberry.field(description="The data, by the parts of the system.")
    withheld: list[Reason] = strawberry.field(description="What is held but not in it, and why.")


GrantConsentResult = Annotated[ConsentGranted | Refused, strawberry.union("GrantConsentResult")]
WithdrawConsentResult = Annotated[
    ConsentWithdrawn | Refused, strawberry.union("WithdrawConsentResult")
]
ExportMyDataResult = Annotated[DataExport | Refused, strawberry.union("ExportMyDataResult")]


@strawberry.type
class Query:
    """The query field of consents."""

    @query(
        anybody(),
        never_refuses=True,
        description="Everything a citizen can be asked to consent to.",
    )
    async def consent_purposes(self, info: Info) -> list[ConsentPurpose]:
        """The purposes."""
        return [
            ConsentPurpose(
                purpose=purpose.id,
                upstream=purpose.upstream,
                recipient=purpose.recipient,
                fields=list(purpose.fields),
                text=purpose.text.say(info.context.locale),
                text_version=purpose.text_version,
                life_days=purpose.life.days if purpose.life else None,
            )
            for purpose in consents.list_purposes(info.context)
        ]


async def list_consents(info: Info, on_behalf_of: str | None) -> list[Consent]:
    """A person's consents, withdrawn ones included, newest first."""
    call = await acting(info, on_behalf_of)
    return [_consent(row) for row in await consents.list_consents(call)]


async def page_access(
    info: Info, first: int, after: str | None, on_behalf_of: str | None
) -> Connection[AccessRecord]:
    """A page of who read a person's data, newest first."""
    call, first = await acting(info, on_behalf_of), page_size(first)
    before = parse_id(after) if after else None
    rows = await personal_read.list_access(call, first=first + 1, before=before)
    names = await _actor_names(call, rows)
    return connection(
        rows, first, lambda row: str(row.id), lambda row: _access_record(row, names), after=after
    )


@strawberry.type
class Mutation:
    """The mutation fields of consents and export."""

    @mutation(
        signed_in(proved=False),
        description="Agree to a purpose, in the version of its text that was shown.",
        parties_told=consents.PARTIES_TOLD,
    )
    async def grant_consent(
        self,
        info: Info,
        purpose: PurposeId,
        text_version: Annotated[
            str, strawberry.argument(description="The version of the text that was read.")
        ],
        idempotency_key: IdempotencyKey,
        on_behalf_of: OnBehalfOf = None,
    ) -> GrantConsentResult:
        """Give a consent; a live one is given back. A guardian agrees for a child."""
        known = consents.find_purpose(info.context, purpose)
        if on_behalf_of is None and known is not None and known.proves:
            call = info.context.admitting_unproved()
        else:
            call = await acting(info, on_behalf_of)
            await refuse_frozen(call)
        row = await consents.grant_consent(call, purpose, text_version, idempotency_key)
        return ConsentGranted(consent=_consent(row))

    @mutation(
        signed_in(),
        description="Take a consent back.",
        parties_told=consents.PARTIES_TOLD,
    )
    async def withdraw_consent(
        self,
        info: Info,
        purpose: PurposeId,
        idempotency_key: IdempotencyKey,
        on_behalf_of: OnBehalfOf = None,
    ) -> WithdrawConsentResult:
        """Withdraw; a consent that is not there is withdrawn already."""
        call = await acting(info, on_behalf_of)
        await consents.withdraw_consent(call, purpose, idempotency_key)
        rows = [row for row in await consents.list_consents(call) if row.purpose == purpose]
        return ConsentWithdrawn(purpose=purpose, consents=[_consent(row) for row in rows])

    @mutation(
        signed_in(fresh=True),
        description="Everything held about the viewer, for a machine to read.",
    )
    async def export_my_data(
        self, info: Info, idempotency_key: IdempotencyKey
    ) -> ExportMyDataResult:
        """Changes nothing, so every key is as good as another."""
        parts = await personal_data.export_my_data(info.context)
        return DataExport(
            content=cast(JSON, {name: part.data for name, part in parts.items()}),
            withheld=_withheld(info.context, parts),
        )


@strawberry.type
class Subscription:
    """The subscription field of the access log."""

    @subscription(signed_in(), description="Each read of the personal data, as it happens.")
    async def access_recorded(
        self, info: Info, on_behalf_of: OnBehalfOf = None
    ) -> AsyncIterator[AccessRecord]:
        """Ends when the viewer may not act for the person any more."""
        call = await acting(info, on_behalf_of)
        records = while_acting(call, _records(call))
        async with aclosing(records):
            async for record in records:
                yield record


async def _records(call: Call) -> AsyncGenerator[AccessRecord]:
    topic = personal_read.access_topic(call.subject_id)
    async for row_id in call.app.bus.stream(topic):
        row = await AccessLog.get_or_none(id=UUID(row_id), subject_id=call.subject_id)
        if row is not None:
            yield _access_record(row, await _actor_names(call, [row]))


async def acting(info: Info, on_behalf_of: str | None) -> Call:
    """The call on behalf of a person, or of the viewer. Raises LoginRequired, NotFound."""
    call = info.context
    call.require_viewer()
    return call if on_behalf_of is None else await act_for(call, parse_id(on_behalf_of))


async def _actor_names(call: Call, rows: list[AccessLog]) -> Mapping[UUID, str]:
    """The masked names of guardians and proxies; staff are shown by their office alone."""
    family = {row.actor_id for row in rows if row.actor_role in ("guardian", "proxy")}
    sealed = await store.list_sealed_names(family) if family else {}
    decrypt = call.app.vault.decrypt
    return {who: mask_name(decrypt(name, NAME)) for who, name in sealed.items() if name}


def _access_record(row: AccessLog, names: Mapping[UUID, str]) -> AccessRecord:
    is_shown = row.actor_role == personal_read.SHOWN_TO
    return AccessRecord(
        id=strawberry.ID(str(row.id)),
        service=row.service,
        upstream=row.upstream,
        purpose=row.purpose,
        fields=row.fields_read,
        by_myself=row.actor_id == row.subject_id,
        actor_role=row.actor_role,
        actor_name=row.basis_ref if is_shown else names.get(row.actor_id),
        case_no=None if is_shown else row.basis_ref,
        read_at=row.read_at,
    )


def _consent(row: models.Consent) -> Consent:
    return Consent(
        id=strawberry.ID(str(row.id)),
        purpose=row.purpose,
        source=row.source,
        recipient=row.recipient,
        fields=row.fields_agreed,
        text_version=row.text_version,
        granted_at=row.granted_at,
        until=row.until_at,
        withdrawn_at=row.withdrawn_at,
        by_guardian=row.granted_by != row.subject_id,
    )


def _withheld(call: Call, parts: Mapping[str, Exported]) -> list[Reason]:
    return [
        Reason(wing=wing, what=held.what, reason=held.reason.say(call.locale), until=None)
        for wing, part in parts.items()
        for held in part.withheld
    ]


def shown_holds(call: Call, holds: Mapping[str, Sequence[Hold]]) -> list[Reason]:
    """What is kept, in the words of the caller's language."""
    found = [(wing, hold) for wing, each in holds.items() for hold in each]
    return [
        Reason(wing=wing, what=h.what, reason=h.reason.say(call.locale), until=h.until_on)
        for wing, h in found
    ]
