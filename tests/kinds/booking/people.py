"""Citizens for tests: verified accounts with resident IDs of an area that was never given out."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from core.context.app import App
from core.context.call import Call
from core.database import connection
from core.ids import new_id, resident_id_check_digit
from core.people.personal_read import Purpose, grant_consent
from modules.identity import models as identity
from modules.identity.models import Citizen, Mandate


def resident_id(number: int) -> str:
    """The resident ID of test citizen `number`, 1 to 999."""
    body = f"50000019800101{number:03d}"
    return body + resident_id_check_digit(body)


async def citizen(app: App, number: int, *, locale: str = "en") -> UUID:
    """A verified account."""
    phone, resident = f"1990001{number:04d}", resident_id(number)
    row = await Citizen.create(
        id=new_id(),
        phone_sealed=app.vault.encrypt(phone, identity.PHONE),
        phone_index=app.vault.blind_index(phone, identity.PHONE),
        name_sealed=app.vault.encrypt("甄示范", identity.NAME),
        resident_sealed=app.vault.encrypt(resident, identity.RESIDENT_ID),
        resident_index=app.vault.blind_index(resident, identity.RESIDENT_ID),
        level=2,
        locale=locale,
        created_at=app.clock.now(),
        verified_at=app.clock.now(),
    )
    return row.id


async def make_account(app: App, viewer: Call) -> None:
    """An account for a viewer made up by the test, so that messages find somebody."""
    await connection().execute_query(
        """INSERT INTO identity_citizen (id, phone_sealed, phone_index, level, locale, created_at)
           VALUES ($1, $2, $3, 1, 'zh', $4)""",
        [
            viewer.require_viewer().user_id,
            app.vault.encrypt(_phone_of(viewer), "identity.phone"),
            viewer.require_viewer().user_id.bytes,
            app.clock.now(),
        ],
    )


def _phone_of(viewer: Call) -> str:
    return f"199{viewer.subject_id.int % 10**8:08d}"


def fresh(call: Call) -> Call:
    """The call of somebody who has just proved again who they are."""
    viewer = call.require_viewer()
    return replace(call, viewer=replace(viewer, authenticated_at=call.app.clock.now()))


async def guardian_of(app: App, actor: Call, subject_id: UUID) -> Mandate:
    """A guardian's mandate, as identity keeps it."""
    now = app.clock.now()
    return await Mandate.create(
        id=new_id(),
        kind="guardian",
        actor_id=actor.require_viewer().user_id,
        subject_id=subject_id,
        services=None,
        state="active",
        proposed_at=now,
        confirmed_at=now,
        ends_at=now + timedelta(days=365),
    )


async def consent(call: Call, purpose: Purpose) -> None:
    """The viewer of the call agrees."""
    await grant_consent(call, purpose.id, purpose.text_version)
