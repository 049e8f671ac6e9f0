"""Signing in, in GraphQL: codes, sessions, step-up, resuming, the viewer."""

from datetime import datetime
from typing import Annotated

import strawberry

from core.assurance import Assurance
from core.context.call import Call
from core.errors import LoginRequired, Missing, NotFound
from core.graphql import (
    After,
    Connection,
    First,
    IdempotencyKey,
    Info,
    OnBehalfOf,
    Refused,
    anybody,
    by_data,
    mutation,
    parse_id,
    query,
    resume_tickets,
    signed_in,
)
from core.people.directory import get_person
from core.refusal_texts import NOT_FOUND
from core.security.authorization import decide
from core.security.vault import mask_name, mask_phone
from modules.identity import domain, real_name, service, store
from modules.identity.graphql.arguments import BornOn, Code, DocumentNo, Phone, RealName
from modules.identity.graphql.privacy import AccessRecord, Consent, list_consents, page_access
from modules.identity.models import ADDRESS
from modules.identity.service import Device, SignedIn


@strawberry.type(description="A device the viewer is signed in on.")
class Session:
    id: strawberry.ID = strawberry.field(description="The session's id.")
    device: str = strawberry.field(description="The device's name.")
    network: str = strawberry.field(
        description="The half of the network address that tells the network; where that network "
        "is, is not known here."
    )
    staff: bool = strawberry.field(description="Whether it carries the roles of staff.")
    authenticated_at: datetime = strawberry.field(description="When a code was last given in it.")
    last_used_at: datetime = strawberry.field(description="When it was last used.")
    current: bool = strawberry.field(description="Whether this is the session of this request.")


@strawberry.type(description="The person signed in.")
class Viewer:
    """The viewer's own account; personal data is masked."""

    id: strawberry.ID = strawberry.field(description="The account's id.")
    phone: str = strawberry.field(description="The phone, masked.")
    name: str | None = strawberry.field(description="The real name, masked; null before level 2.")
    level: int = strawberry.field(description="Identity level: 1 phone, 2 real name.")
    roles: list[str] = strawberry.field(description="The roles of this session, where it is staff.")

    @strawberry.field(description="How the real name was proved; null before level 2.")
    async def assurance(self, info: Info) -> Assurance | None:
        """The strongest proof so far."""
        return info.context.require_viewer().assurance

    @strawberry.field(
        description="When the account will be closed, as eraseMyAccount asked; null while it stays."
    )
    async def closes_at(self, info: Info) -> datetime | None:
        """A wish that can be taken back."""
        citizen = await store.find_citizen(info.context.require_viewer().user_id)
        return citizen.closes_at if citizen is not None else None

    @strawberry.field(description="Where the viewer is signed in, last used first.")
    async def sessions(self, info: Info) -> list[Session]:
        """Live sessions."""
        viewer, vault = info.context.require_viewer(), info.context.app.vault
        return [
            Session(
                id=strawberry.ID(str(row.id)),
                device=row.device_name,
                network=domain.shown_address(vault.decrypt(row.address_sealed, ADDRESS))
                if row.address_sealed
                else "",
                staff=row.is_staff,
                authenticated_at=row.authenticated_at,
                last_used_at=row.last_used_at,
                current=row.id == viewer.session_id,
            )
            for row in await store.list_sessions(viewer.user_id)
        ]

    @strawberry.field(description="What was agreed to, newest first.")
    async def consents(self, info: Info, on_behalf_of: OnBehalfOf = None) -> list[Consent] | None:
        """Consents, withdrawn ones included."""
        return await list_consents(info, on_behalf_of)

    @strawberry.field(description="Who read the personal data, newest first.")
    async def access_log(
        self, info: Info, first: First, after: After = None, on_behalf_of: OnBehalfOf = None
    ) -> Connection[AccessRecord] | None:
        """The access log."""
        return await page_access(info, first, after, on_behalf_of)


@strawberry.type(description="An action that was refused, and what it still needs.")
class Resumption:
    """What a resume ticket says, to whoever it was given."""

    service: strawberry.ID | None = strawberry.field(description="The service it belongs to.")
    deep_link: str | None = strawberry.field(description="The address that opens that service.")
    operation: str = strawberry.field(description="The field that was refused.")
    idempotency_key: str | None = strawberry.field(description="The key to send again.")
    missing: Missing | None = strawberry.field(
        description="What the caller still lacks; null when the action can be sent again."
    )
    expires_at: datetime = strawberry.field(description="Until when the ticket is good.")


@strawberry.input(description="The device that signs in.")
class DeviceInput:
    id: str = strawberry.field(
        description="The app's own identifier of this device, 8 to 64 visible characters."
    )
    name: str = strawberry.field(description="A name that people recognise.", default="")


ThisDevice = Annotated[
    DeviceInput, strawberry.argument(description="The device that the session belongs to.")
]


@strawberry.type(description="The session's tokens.")
class Tokens:
    access_token: str = strawberry.field(
        description="Goes into `Authorization: Bearer …`; 15 minutes."
    )
    access_expires_at: datetime = strawberry.field(description="When the access token ends.")
    refresh_token: str = strawberry.field(description="Good once, for refreshSession.")
    level: int = strawberry.field(description="Identity level: 1 phone, 2 real name.")


@strawberry.type(description="The session has ended.")
class SessionRevoked:
    session_id: strawberry.ID = strawberry.field(description="The session's id.")
    viewer: Viewer = strawberry.field(description="The viewer, with the sessions that are left.")


@strawberry.type(description="The sessions have ended.")
class SessionsRevoked:
    count: int = strawberry.field(description="How many sessions ended.")
    viewer: Viewer = strawberry.field(description="The viewer, with the sessions that are left.")


@strawberry.type(description="It is the viewer; use the new access token from now on.")
class SteppedUp:
    access_token: str = strawberry.field(description="An access token with a fresh proof.")


@strawberry.type(description="The real name is verified; use the new access token from now on.")
class RealNameVerified:
    access_token: str = strawberry.field(description="An access token that carries level 2.")
    level: int = strawberry.field(description="The identity level reached.")
    viewer: Viewer = strawberry.field(description="The viewer, with that level.")


StepUpResult = Annotated[SteppedUp | Refused, strawberry.union("StepUpResult")]
LoginResult = Annotated[Tokens | Refused, strawberry.union("LoginResult")]
RefreshSessionResult = Annotated[Tokens | Refused, strawberry.union("RefreshSessionResult")]
RevokeSessionResult = Annotated[SessionRevoked | Refused, strawberry.union("RevokeSessionResult")]
RevokeAllSessionsResult = Annotated[
    SessionsRevoked | Refused, strawberry.union("RevokeAllSessionsResult")
]
VerifyRealNameResult = Annotated[
    RealNameVerified | Refused, strawberry.union("VerifyRealNameResult")
]


@strawberry.type
class Query:
    """Identity's query fields."""

    @query(anybody(), description="The person signed in; null for a stranger.")
    async def viewer(self, info: Info) -> Viewer | None:
        """The viewer."""
        return await viewer_of(info.context) if info.context.viewer else None

    @query(
        by_data("the ticket is signed, and bound to its viewer where one was known", level=0),
        description="What a resume ticket leads back to.",
    )
    async def resume(
        self,
        info: Info,
        ticket: Annotated[
            str,
            strawberry.argument(description="`resumeTicket` of the refusal."),
        ],
    ) -> Resumption:
        """Opened after the login that the refused action needed."""
        call = info.context
        found = resume_tickets.read(call, ticket)
        link = call.app.city.deep_link
        return Resumption(
            service=strawberry.ID(found.service) if found.service else None,
            deep_link=link.format(id=found.service) if found.service else None,
            operation=found.operation,
            idempotency_key=found.idempotency_key,
            missing=_missing(call, found),
            expires_at=found.expires_at,
        )


@strawberry.type
class Mutation:
    """Identity's mutation fields."""

    @mutation(anybody(), description="Sign in with the code from the phone.")
    async def login(
        self,
        info: Info,
        phone: Phone,
        code: Code,
        device: ThisDevice,
        idempotency_key: IdempotencyKey,
    ) -> LoginResult:
        """Open a session."""
        signed_in = await service.login(
            info.context, phone, code, Device(device.id, device.name), idempotency_key
        )
        return to_tokens(signed_in)

    @mutation(anybody(), description="Exchange a refresh token for new tokens.")
    async def refresh_session(
        self,
        info: Info,
        refresh_token: Annotated[
            str, strawberry.argument(description="The latest refresh token; each is good once.")
        ],
        device: ThisDevice,
        idempotency_key: IdempotencyKey,
        proof: Annotated[
            str | None,
            strawberry.argument(
                description="Of a session that is bound to a key in the phone: its DPoP proof."
            ),
        ] = None,
    ) -> RefreshSessionResult:
        """Rotate the tokens; the refresh token itself makes this repeat-safe."""
        signed_in = await service.refresh_session(
            info.context, refresh_token, Device(device.id, device.name), proof
        )
        return to_tokens(signed_in)

    @mutation(signed_in(), description="Prove again who is there, for money and health records.")
    async def step_up(
        self, info: Info, code: Code, idempotency_key: IdempotencyKey
    ) -> StepUpResult:
        """Good for 15 minutes."""
        return SteppedUp(access_token=await service.step_up(info.context, code, idempotency_key))

    @mutation(
        signed_in(proved=False),
        description="End one of the viewer's sessions on every device that holds it.",
    )
    async def revoke_session(
        self,
        info: Info,
        session_id: Annotated[
            strawberry.ID, strawberry.argument(description="The session's id, from the viewer.")
        ],
        idempotency_key: IdempotencyKey,
    ) -> RevokeSessionResult:
        """End a session; ending it twice is one end."""
        if not await service.revoke_session(info.context, parse_id(session_id)):
            raise NotFound(NOT_FOUND)
        return SessionRevoked(session_id=session_id, viewer=await viewer_of(info.context))

    @mutation(signed_in(), description="End all of the viewer's sessions.")
    async def revoke_all_sessions(
        self,
        info: Info,
        idempotency_key: IdempotencyKey,
        keep_this: Annotated[
            bool, strawberry.argument(description="Leave the session of this request alone.")
        ] = True,
    ) -> RevokeAllSessionsResult:
        """This one goes on unless told otherwise."""
        count = await service.revoke_all_sessions(
            info.context, idempotency_key, keep_this=keep_this
        )
        return SessionsRevoked(count=count, viewer=await viewer_of(info.context))

    @mutation(
        signed_in(proved=False),
        description="Verify the real name; needs the consent `identity.real-name`.",
    )
    async def verify_real_name(
        self,
        info: Info,
        name: RealName,
        resident_id: DocumentNo,
        idempotency_key: IdempotencyKey,
        claim_code: Annotated[
            str | None,
            strawberry.argument(description="For a child that was added: the guardian's code."),
        ] = None,
        born_on: BornOn = None,
    ) -> VerifyRealNameResult:
        """Reach level 2; the same person verified again is one verification."""
        context = info.context
        token = await real_name.verify_real_name(context, name, resident_id, claim_code, born_on)
        call = context.of(context.app.tokens.verify(token))
        return RealNameVerified(access_token=token, level=2, viewer=await viewer_of(call))


async def viewer_of(call: Call) -> Viewer:
    """Whoever is signed in, as the directory has them now."""
    is_proved = call.viewer is None or call.viewer.proved
    viewer = call.admitting_unproved().require_viewer()
    person = await get_person(call.app, viewer.user_id)
    return Viewer(
        id=strawberry.ID(str(person.id)),
        phone=mask_phone(person.phone),
        name=mask_name(person.name) if person.name and is_proved else None,
        level=person.level if is_proved else viewer.level,
        roles=sorted(viewer.roles),
    )


def to_tokens(signed_in: SignedIn) -> Tokens:
    """A session's tokens as the app receives them."""
    return Tokens(
        access_token=signed_in.access_token,
        access_expires_at=signed_in.access_expires_at,
        refresh_token=signed_in.refresh_token,
        level=signed_in.viewer.level,
    )


def _missing(call: Call, ticket: resume_tickets.Ticket) -> Missing | None:
    try:
        decide(call.viewer, ticket.need, call.app.clock.now())
    except LoginRequired as refusal:
        return refusal.missing
    return None
