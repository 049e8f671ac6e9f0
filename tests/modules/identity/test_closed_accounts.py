"""Accounts that end while somebody is still signed in: nothing more is written into them."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from core.clock import ManualClock
from core.context.app import App
from core.context.call import Call
from core.database import IntegrityError, connection, transaction, violated
from core.errors import LoginRequired
from core.people.consents import grant_consent
from core.security.authentication import Viewer
from kinds.booking.models import Booking
from kinds.booking.people import key_of
from modules.identity import moving, recovery, store
from modules.identity.models import Citizen, Passkey, Session
from modules.identity.proofs.service import BY_CARRIER, prove_by_phone
from modules.identity.real_name import REAL_NAME, take_over, verify_real_name
from modules.identity.service import Device, open_session_of
from tests.fakes import FakePolice, FakeProofs
from tests.kinds.booking.engine import book, hold, offer, refusal
from tests.modules.identity.conftest import REFUSAL, Phone
from tests.people import resident_id

MakeCitizen = Callable[..., Awaitable[Viewer]]
MakeCall = Callable[..., Call]
HOLD = f"""mutation H($slot: ID!) {{
  holdAppointment(slotId: $slot, itemId: "general", idempotencyKey: "hold-00001") {{
    ... on AppointmentChanged {{ appointment {{ id }} }} {REFUSAL} }} }}"""
NUMBER, NAME = resident_id(998), "甄示范"


async def merge(app: App, old: Viewer, new: Viewer) -> None:
    """What another device of the same person does meanwhile."""
    async with transaction() as tx:
        rows = [await store.lock_citizen(tx, one.user_id) for one in (old, new)]
        assert rows[0] is not None and rows[1] is not None
        await take_over(app, tx, rows[0], rows[1])


async def test_a_token_of_a_merged_account_is_over_and_refreshed_into_its_owners(
    phone: Phone, app: App, citizen: MakeCitizen, call: MakeCall, clock: ManualClock
) -> None:
    tokens = await phone.sign_in()
    bare, owner = app.tokens.verify(tokens["accessToken"]), await citizen()
    own = call(user_id=owner.user_id, level=2)
    await moving.request_code(own, phone.number, "code-0001")
    await moving.change_phone(own, phone.number, await phone.read_code(), "move-0001")
    (slot,) = await offer(app, timedelta(days=2))

    async def hold(token: str) -> Any:
        headers = {"authorization": f"Bearer {token}"}
        return await phone.client.run(HOLD, {"slot": str(slot)}, headers=headers)

    for _ in range(50):  # the bus carries the news
        answer = await hold(tokens["accessToken"])
        if answer.status == 401:
            break
        await asyncio.sleep(0.02)
    assert (answer.status, answer.codes) == (401, ["SESSION_EXPIRED"])
    assert await Booking.filter(booked_by=bare.user_id).count() == 0
    renewed = await phone.refresh(tokens["refreshToken"])
    assert app.tokens.verify(renewed["accessToken"]).user_id == owner.user_id
    answer = await hold(renewed["accessToken"])
    assert answer.status == 200, answer.json
    assert await Booking.filter(booked_by=owner.user_id).count() == 1


@pytest.mark.parametrize("way", ["registry", "carrier"])
async def test_a_name_that_was_asked_about_meanwhile_is_written_nowhere(
    app: App, citizen: MakeCitizen, call: MakeCall, police: FakePolice, proofs: FakeProofs, way: str
) -> None:
    bare, other = await citizen(level=1), await citizen(level=1)
    mine = call(user_id=bare.user_id, level=1, session_id=bare.session_id)
    for purpose in (REAL_NAME, BY_CARRIER):
        await grant_consent(mine, purpose.id, purpose.text_version)
    police.people[NUMBER] = NAME
    row = await Citizen.get(id=bare.user_id)
    proofs.phones[app.vault.decrypt(row.phone_sealed or b"", "identity.phone")] = NUMBER

    async def meanwhile() -> None:
        await merge(app, bare, other)

    police.meanwhile = proofs.meanwhile = meanwhile
    prove = verify_real_name if way == "registry" else prove_by_phone
    with pytest.raises(LoginRequired) as refused:
        await prove(mine, NAME, NUMBER)
    assert refused.value.code == "SESSION_EXPIRED"
    closed = await Citizen.get(id=bare.user_id)
    assert (closed.name_sealed, closed.resident_index, closed.level) == (None, None, 1)
    police.meanwhile = None
    again = call(user_id=other.user_id, level=1, session_id=other.session_id)
    assert await verify_real_name(again, NAME, NUMBER), "the number is nobody's"


async def test_what_opens_an_account_opens_no_closed_one(
    app: App, citizen: MakeCitizen, call: MakeCall
) -> None:
    bare, other = await citizen(level=1), await citizen(level=1)
    await merge(app, bare, other)
    async with transaction() as tx:
        with pytest.raises(LoginRequired) as refused:
            device = Device("device-1", "")
            await open_session_of(call(), tx, bare.session_id, bare.user_id, device)
    assert refused.value.code == "SESSION_EXPIRED"
    assert await Session.filter(citizen_id=bare.user_id).count() == 0


async def test_a_passkey_of_who_has_died_opens_nothing(app: App, citizen: MakeCitizen) -> None:
    viewer = await citizen()
    await Passkey.create(
        id=viewer.session_id, citizen_id=viewer.user_id, credential_id="a-key", public_key=b"k",
        name="-", created_at=app.clock.now(),
    )  # fmt: skip
    async with transaction() as tx:
        assert await store.lock_passkey(tx, "a-key") is not None
        await tx.execute_query(
            """UPDATE identity_citizen SET closed_at = now(), phone_index = NULL,
                      resident_index = NULL WHERE id = $1""",
            [viewer.user_id],
        )
        assert await store.lock_passkey(tx, "a-key") is None


async def test_a_passkey_opens_no_account_that_is_just_being_taken_back(
    app: App, citizen: MakeCitizen, call: MakeCall
) -> None:
    """Else the session of whoever had the account would begin after all others had ended."""
    viewer = await citizen()
    await Passkey.create(
        id=viewer.session_id, citizen_id=viewer.user_id, credential_id="a-key", public_key=b"k",
        name="-", created_at=app.clock.now(),
    )  # fmt: skip
    is_locked = asyncio.Event()

    async def take_back() -> None:
        async with transaction() as tx:
            holder = await store.lock_citizen(tx, viewer.user_id)
            assert holder is not None
            is_locked.set()
            await asyncio.sleep(0.3)
            await recovery.move(app, tx, holder, None, "13700137000")
            await holder.save(using_db=tx)

    async def open_meanwhile() -> Passkey | None:
        await is_locked.wait()
        async with transaction() as tx:
            return await store.lock_passkey(tx, "a-key")

    _, found = await asyncio.gather(take_back(), open_meanwhile())
    assert found is None


FINDABLE = {
    "phone": "locale = 'zh'",
    "number": "phone_index = NULL, resident_index = '\\x01', resident_sealed = '\\x01'",
    "certificate": "phone_index = NULL, birth_index = '\\x01', birth_sealed = '\\x01', "
    "born_on = '2026-01-01'",
}


@pytest.mark.parametrize("by", FINDABLE)
async def test_the_database_keeps_no_closed_account_findable(citizen: MakeCitizen, by: str) -> None:
    viewer = await citizen(level=1)
    change = f"UPDATE identity_citizen SET {FINDABLE[by]}"
    with pytest.raises(IntegrityError) as refused:
        await connection().execute_query(
            f"{change}, closed_at = now() WHERE id = $1", [viewer.user_id]
        )
    assert violated(refused.value) == "identity_citizen_closed"
    assert (await Citizen.get(id=viewer.user_id)).closed_at is None


async def test_another_phone_makes_nobody_another_person(
    phone: Phone, app: App, citizen: MakeCitizen, call: MakeCall
) -> None:
    """Limits of an account without a name, which counts by its phone, go along."""
    slot, same_day = await offer(app, timedelta(days=2), timedelta(days=2, minutes=15))
    viewer = await citizen(level=1, number=None)
    own = call(user_id=viewer.user_id, level=1)
    before = await key_of(own, 1)
    await book(own, slot)
    await moving.request_code(own, phone.number, "code-0001")
    await moving.change_phone(own, phone.number, await phone.read_code(), "move-0001")
    for _ in range(50):  # the bus carries the news
        if await key_of(own, 1) != before:
            break
        await asyncio.sleep(0.02)
    assert await key_of(own, 1) != before
    assert await refusal(hold(own, same_day)) == "LIMIT_DAY"
