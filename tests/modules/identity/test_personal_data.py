"""Everything one has: under the newest key, handed out, forgotten but for what the law keeps."""

import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import date
from pathlib import Path
from uuid import UUID

import pytest

from core.clock import ManualClock
from core.context.app import App
from core.context.call import Call
from core.database.models import Consent
from core.errors import Conflict, NotFound
from core.manifest import Manifest, discover
from core.people.consents import grant_consent
from core.people.data_rights import Hold, PersonalData, count_old, reseal
from core.people.directory import get_person
from core.processes.open_app import open_app
from core.security.authentication import Viewer
from core.security.keys import add_data_key
from core.settings import Settings
from core.texts import Text
from modules.identity import personal_data
from modules.identity.erasure import service as erasure
from modules.identity.models import Citizen, Mandate
from notifications.messages.models import Message
from tests.people import leave, new_key

MakeCitizen = Callable[..., Awaitable[Viewer]]

LOAN = Text("LOAN_OPEN", "贷款尚未结清", "A loan is open")
OPEN_LOANS: set[UUID] = set()


async def _loan_holds(_app: App, person_id: UUID) -> Sequence[Hold]:
    return (Hold("loan", LOAN, date(2030, 1, 1)),) if person_id in OPEN_LOANS else ()


LENDING = PersonalData("lending", holds=_loan_holds)


@pytest.fixture(scope="session")
def manifests() -> tuple[Manifest, ...]:
    """The house, and a wing with loans."""
    package, _, room = __name__.rpartition(".")
    lending = Manifest(name="test_lending", package=package, rooms=(room,))
    return (*discover(examples=True), lending)


@pytest.fixture
async def rotating(
    settings: Settings,
    keys_dir: Path,
    tmp_path: Path,
    clock: ManualClock,
    manifests: tuple[Manifest, ...],
) -> AsyncIterator[App]:
    """An App on key files of its own."""
    shutil.copytree(keys_dir, tmp_path / "own-keys")
    own = Settings(**settings.model_dump() | {"keys_dir": tmp_path / "own-keys"})
    async with open_app(own, clock=clock, manifests=manifests, application="rotating") as app:
        yield app


async def test_a_new_key_is_used_at_once_and_old_values_move_under_it(rotating: App) -> None:
    from tests.people import make_citizen

    people = [await make_citizen(rotating, level=2, name="张三", locale="zh") for _ in range(3)]
    folder = rotating.settings.keys_path
    add_data_key(folder)
    await reseal(rotating)
    assert await count_old(rotating) == 0
    rows = await Citizen.all()
    assert {bytes(row.phone_sealed or b"")[0] for row in rows} == {2}
    assert (await get_person(rotating, people[0].user_id)).name == "张三"
    (folder / "pii_data.key").unlink()  # nothing stands under it any more
    rotating.vault.reload()
    assert (await get_person(rotating, people[1].user_id)).name == "张三"
    await reseal(rotating)  # repeat-safe


async def test_a_process_that_has_not_heard_of_a_key_reads_what_another_sealed(
    rotating: App, app: App
) -> None:
    from core.security.keys import load_data_keys
    from core.security.vault import Vault

    folder = rotating.settings.keys_path
    old_process = Vault(
        rotating.keys.pii_data, rotating.keys.pii_index, lambda: load_data_keys(folder)
    )
    add_data_key(folder)
    rotating.vault.reload()
    sealed = rotating.vault.encrypt("张三", "identity.name")
    assert sealed[0] == 2
    assert old_process.decrypt(sealed, "identity.name") == "张三"


async def _consented(call: Callable[..., Call], viewer: Viewer) -> Call:
    made = call(user_id=viewer.user_id, level=2)
    await grant_consent(made, "identity.real-name", "2026-11")
    return made


async def test_an_export_holds_what_is_held_and_nothing_of_others(
    app: App, citizen: MakeCitizen, call: Callable[..., Call]
) -> None:
    mine, other = await citizen(name="张三"), await citizen(name="李四")
    own = await _consented(call, mine)
    await _consented(call, other)
    export = await personal_data.export_my_data(own)
    person, foreign = await get_person(app, mine.user_id), await get_person(app, other.user_id)
    text = repr({name: part.data for name, part in export.items()})
    assert all(value and value in text for value in (person.phone, person.name, person.resident_id))
    assert not any(v and v in text for v in (foreign.phone, foreign.name, foreign.resident_id))
    assert str(other.user_id) not in text
    assert [c["purpose"] for c in export["identity"].data["consents"]] == ["identity.real-name"]
    assert export["identity"].withheld


async def test_erasure_forgets_and_frees_the_phone(
    app: App, citizen: MakeCitizen, call: Callable[..., Call]
) -> None:
    viewer = await citizen()
    own = await _consented(call, viewer)
    await Message.create(
        id=viewer.session_id,
        person_id=viewer.user_id,
        key="m",
        template="t",
        version=1,
        about="service",
        position=viewer.session_id,
        title_sealed=app.vault.encrypt("t", "notifications.title"),
        body_sealed=app.vault.encrypt("b", "notifications.body"),
        created_at=app.clock.now(),
    )
    closing = await leave(own)
    assert closing.holds == {}
    row = await Citizen.get(id=viewer.user_id)
    left = (row.phone_sealed, row.phone_index, row.name_sealed, row.resident_sealed)
    assert left == (None,) * 4 and row.resident_index is None
    assert await Message.all().count() == 0
    with pytest.raises(NotFound):
        await get_person(app, viewer.user_id)
    await erasure.close_accounts(app)  # repeat-safe


async def test_what_the_law_keeps_is_named_and_forgotten_when_it_ends(
    app: App, citizen: MakeCitizen, call: Callable[..., Call]
) -> None:
    viewer = await citizen()
    own = await _consented(call, viewer)
    OPEN_LOANS.add(viewer.user_id)
    closing = await leave(own)
    assert [hold.what for hold in closing.holds["lending"]] == ["loan"]
    assert [hold.what for hold in closing.holds["identity"]] == ["name, resident_id"]
    row = await Citizen.get(id=viewer.user_id)
    assert row.name_sealed is not None and row.phone_sealed is None
    await erasure.finish_erasures(app)
    assert (await Citizen.get(id=viewer.user_id)).name_sealed is not None
    OPEN_LOANS.clear()
    await erasure.finish_erasures(app)
    assert (await Citizen.get(id=viewer.user_id)).name_sealed is None


async def test_a_guardian_does_not_leave_a_child_behind_by_accident(
    app: App, citizen: MakeCitizen, call: Callable[..., Call]
) -> None:
    viewer, child = await citizen(), await citizen()
    now = app.clock.now()
    await Mandate.create(
        id=viewer.session_id,
        kind="guardian",
        actor_id=viewer.user_id,
        subject_id=child.user_id,
        state="active",
        proposed_at=now,
        ends_at=now.replace(year=2030),
    )
    own = await _consented(call, viewer)
    with pytest.raises(Conflict):
        await erasure.ask_erasure(own, new_key())
    row = await Citizen.get(id=viewer.user_id)
    assert row.phone_sealed is not None and row.closed_at is None
    assert await Consent.filter(withdrawn_at=None).count() == 1
