"""Identity in GraphQL."""

from datetime import datetime
from typing import Annotated

import strawberry

from core import privacy
from core.errors import NotFound
from core.graphql import (
    After,
    Connection,
    First,
    IdempotencyKey,
    Info,
    Refused,
    connection,
    mutation,
    page_size,
    parse_id,
)
from core.models import AccessLog
from core.people import get_person
from core.pii import mask_name, mask_phone
from core.texts_common import NOT_FOUND
from modules.identity import service, store
from modules.identity.service import Device, SignedIn


@strawberry.type(description="A device the viewer is signed in on.")
class Session:
    """One live session."""

    id: strawberry.ID = strawberry.field(description="The session's id.")
    device: str = strawberry.field(description="The device's name.")
    last_used_at: datetime = strawberry.field(description="When it was last used.")
    current: bool = strawberry.field(description="Whether this is the session of this request.")


@strawberry.type(description="One read of the viewer's personal data.")
class AccessRecord:
    """A row of the access log."""

    id: strawberry.ID = strawberry.field(description="The row's id, a cursor for `after`.")
    service: str = strawberry.field(description="The service that asked.")
    upstream: str = strawberry.field(description="The system that was asked.")
    purpose: str = strawberry.field(description="What the data was read for.")
    fields: list[str] = strawberry.field(description="Which data was read.")
    by_myself: bool = strawberry.field(description="Whether the viewer read their own data.")
    read_at: datetime = strawberry.field(description="When it was read.")


@strawberry.type(description="A consent of the viewer.")
class Consent:
    """A consent to one purpose."""

    purpose: str = strawberry.field(description="What for.")
    text_version: str = strawberry.field(description="The version of the text agreed to.")
    granted_at: datetime = strawberry.field(description="Since when.")
    withdrawn_at: datetime | None = strawberry.field(description="Until when, where withdrawn.")


@strawberry.type(description="Something a citizen can be asked to consent to.")
class ConsentPurpose:
    """A purpose and the text of its consent."""

    id: str = strawberry.field(description="The purpose's name for grantConsent.")
    upstream: str = strawberry.field(description="The system that is asked.")
    fields: list[str] = strawberry.field(description="Which data is read or passed on.")
    text: str = strawberry.field(description="What the citizen agrees to.")
    text_version: str = strawberry.field(description="The version of the text.")


@strawberry.type(description="The person signed in.")
class Viewer:
    """The viewer's own account; personal data is masked."""

    id: strawberry.ID = strawberry.field(description="The account's id.")
    phone: str = strawberry.field(description="The phone, masked.")
    name: str | None = strawberry.field(description="The real name, masked; null before level 2.")
    level: int = strawberry.field(description="Identity level: 1 phone, 2 real name.")

    @strawberry.field(description="Where the viewer is signed in, last used first.")
    async def sessions(self, info: Info) -> list[Session]:
        """Live sessions."""
        viewer = info.context.require_viewer()
        return [
            Session(
                id=strawberry.ID(str(row.id)),
                device=row.device_name,
                last_used_at=row.last_used_at,
                current=row.id == viewer.session_id,
            )
            for row in await store.list_sessions(viewer.user_id)
        ]

    @strawberry.field(description="What the viewer agreed to, newest first.")
    async def consents(self, info: Info) -> list[Consent]:
        """Consents, withdrawn ones included."""
        return [
            Consent(
                purpose=row.purpose,
                text_version=row.text_version,
                granted_at=row.granted_at,
                withdrawn_at=row.withdrawn_at,
            )
            for row in await privacy.list_consents(info.context)
        ]

    @strawberry.field(description="Who read the viewer's personal data, newest first.")
    async def access_log(
        self, info: Info, first: First, after: After = None
    ) -> Connection[AccessRecord]:
        """The access log."""
        before = parse_id(after) if after else None
        first = page_size(first)
        rows = await privacy.list_access(info.context, first=first + 1, before=before)
        return connection(rows, first, lambda row: str(row.id), _access_record)


@strawberry.input(description="The device that signs in.")
class DeviceInput:
    """A device."""

    id: str = strawberry.field(
        description="The app's own identifier of this device, 8 to 64 visible characters."
    )
    name: str = strawberry.field(description="A name that people recognise.", default="")


@strawberry.type(description="A code is on its way to the phone.")
class LoginCodeSent:
    """What requestLoginCode answers."""

    expires_at: datetime = strawberry.field(description="Until when the code is good.")
    resend_after_s: int = strawberry.field(description="Seconds until another can be asked for.")


@strawberry.type(description="The session's tokens.")
class Tokens:
    """What login and refreshSession answer."""

    access_token: str = strawberry.field(
        description="Goes into `Authorization: Bearer …`; 15 minutes."
    )
    access_expires_at: datetime = strawberry.field(description="When the access token ends.")
    refresh_token: str = strawberry.field(description="Good once, for refreshSession.")
    level: int = strawberry.field(description="Identity level: 1 phone, 2 real name.")


@strawberry.type(description="The session has ended.")
class SessionRevoked:
    """What revokeSession answers."""

    session_id: strawberry.ID = strawberry.field(description="The session's id.")


@strawberry.type(description="The real name is verified; use the new access token from now on.")
class RealNameVerified:
    """What verifyRealName answers."""

    access_token: str = strawberry.field(description="An access token that carries level 2.")
    level: int = strawberry.field(description="The identity level reached.")


@strawberry.type(description="The consent stands.")
class ConsentGranted:
    """What grantConsent answers."""

    consent: Consent = strawberry.field(description="The consent.")


@strawberry.type(description="The consent is withdrawn; nothing is read under it any more.")
class ConsentWithdrawn:
    """What withdrawConsent answers."""

    purpose: str = strawberry.field(description="The purpose.")


RequestLoginCodeResult = Annotated[
    LoginCodeSent | Refused, strawberry.union("RequestLoginCodeResult")
]
LoginResult = Annotated[Tokens | Refused, strawberry.union("LoginResult")]
RefreshSessionResult = Annotated[Tokens | Refused, strawberry.union("RefreshSessionResult")]
RevokeSessionResult = Annotated[SessionRevoked | Refused, strawberry.union("RevokeSessionResult")]
VerifyRealNameResult = Annotated[
    RealNameVerified | Refused, strawberry.union("VerifyRealNameResult")
]
GrantConsentResult = Annotated[ConsentGranted | Refused, strawberry.union("GrantConsentResult")]
WithdrawConsentResult = Annotated[
    ConsentWithdrawn | Refused, strawberry.union("WithdrawConsentResult")
]


@strawberry.type
class Query:
    """Identity's query fields."""

    @strawberry.field(description="The person signed in; null for a stranger.")
    async def viewer(self, info: Info) -> Viewer | None:
        """The viewer."""
        viewer = info.context.viewer
        if viewer is None:
            return None
        person = await get_person(info.context.app, viewer.user_id)
        return Viewer(
            id=strawberry.ID(str(person.id)),
            phone=mask_phone(person.phone),
            name=mask_name(person.name) if person.name else None,
            level=person.level,
        )

    @strawberry.field(description="Everything a citizen can be asked to consent to.")
    async def consent_purposes(self, info: Info) -> list[ConsentPurpose]:
        """The purposes."""
        return [
            ConsentPurpose(
                id=purpose.id,
                upstream=purpose.upstream,
                fields=list(purpose.fields),
                text=purpose.text.say(info.context.locale),
                text_version=purpose.text_version,
            )
            for purpose in privacy.list_purposes(info.context)
        ]


@strawberry.type
class Mutation:
    """Identity's mutation fields."""

    @mutation(description="Send a one-time code to a phone.")
    async def request_login_code(
        self, info: Info, phone: str, idempotency_key: IdempotencyKey
    ) -> RequestLoginCodeResult:
        """Repeats within the cooldown are refused, whatever the key."""
        sent = await service.request_login_code(info.context, phone, idempotency_key)
        return LoginCodeSent(expires_at=sent.expires_at, resend_after_s=sent.resend_after_s)

    @mutation(description="Sign in with the code from the phone.")
    async def login(
        self,
        info: Info,
        phone: str,
        code: str,
        device: DeviceInput,
        idempotency_key: IdempotencyKey,
    ) -> LoginResult:
        """Open a session."""
        signed_in = await service.login(
            info.context, phone, code, Device(device.id, device.name), idempotency_key
        )
        return _tokens(signed_in)

    @mutation(description="Exchange a refresh token for new tokens.")
    async def refresh_session(
        self,
        info: Info,
        refresh_token: str,
        device: DeviceInput,
        idempotency_key: IdempotencyKey,
    ) -> RefreshSessionResult:
        """Rotate the tokens; the refresh token itself makes this repeat-safe."""
        signed_in = await service.refresh_session(
            info.context, refresh_token, Device(device.id, device.name)
        )
        return _tokens(signed_in)

    @mutation(description="End one of the viewer's sessions on every device that holds it.")
    async def revoke_session(
        self, info: Info, session_id: strawberry.ID, idempotency_key: IdempotencyKey
    ) -> RevokeSessionResult:
        """End a session; ending it twice is one end."""
        if not await service.revoke_session(info.context, parse_id(session_id)):
            raise NotFound(NOT_FOUND)
        return SessionRevoked(session_id=session_id)

    @mutation(description="Verify the real name; needs the consent `identity.real-name`.")
    async def verify_real_name(
        self, info: Info, name: str, resident_id: str, idempotency_key: IdempotencyKey
    ) -> VerifyRealNameResult:
        """Reach level 2; the same person verified again is one verification."""
        token = await service.verify_real_name(info.context, name, resident_id)
        return RealNameVerified(access_token=token, level=2)

    @mutation(description="Agree to a purpose, in the version of its text that was shown.")
    async def grant_consent(
        self, info: Info, purpose: str, text_version: str, idempotency_key: IdempotencyKey
    ) -> GrantConsentResult:
        """Give a consent; a live one is given back."""
        row = await privacy.grant_consent(info.context, purpose, text_version)
        return ConsentGranted(
            consent=Consent(
                purpose=row.purpose,
                text_version=row.text_version,
                granted_at=row.granted_at,
                withdrawn_at=row.withdrawn_at,
            )
        )

    @mutation(description="Take a consent back.")
    async def withdraw_consent(
        self, info: Info, purpose: str, idempotency_key: IdempotencyKey
    ) -> WithdrawConsentResult:
        """Withdraw; a consent that is not there is withdrawn already."""
        await privacy.withdraw_consent(info.context, purpose)
        return ConsentWithdrawn(purpose=purpose)


def _access_record(row: AccessLog) -> AccessRecord:
    return AccessRecord(
        id=strawberry.ID(str(row.id)),
        service=row.service,
        upstream=row.upstream,
        purpose=row.purpose,
        fields=row.fields_read,
        by_myself=row.actor_id == row.subject_id,
        read_at=row.read_at,
    )


def _tokens(signed_in: SignedIn) -> Tokens:
    return Tokens(
        access_token=signed_in.access_token,
        access_expires_at=signed_in.access_expires_at,
        refresh_token=signed_in.refresh_token,
        level=signed_in.viewer.level,
    )
