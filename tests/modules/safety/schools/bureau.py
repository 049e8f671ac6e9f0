"""The education bureau in memory, families, and gates that sign as the sandbox's do."""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from core.context.app import App
from core.context.call import Call
from core.deadline import Deadline
from core.ids import new_id
from core.people.mandates import find_mandate
from core.people.personal_read import Access, grant_consent
from core.security.authentication import Viewer
from core.security.mandate import MandateKind
from core.texts import Locale
from core.upstream.records import Records
from modules.identity.models import Mandate
from modules.safety.gates.domain import Direction, GateReading
from modules.safety.schools.domain import Enrolment
from modules.safety.schools.guardians import ENROLMENT
from modules.safety.schools.upstream import DayRecord, SchoolRecord, TermRecord
from sandbox.systems.schools.gates import PATH, signed_headers
from tests.asgi import Answer, Client
from tests.conftest import NOON
from tests.fakes import Silence
from tests.people import make_citizen

SCHOOLS = ("s001", "s002")
IN, OUT = Direction.IN, Direction.OUT


def key_of(school: str) -> Ed25519PrivateKey:
    """What a school's gates sign with."""
    return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(school.encode()).digest())


class FakeBureau(Silence):
    """Two schools whose pupils arrive by 08:10, and whoever is enrolled."""

    name = "schools"

    def __init__(self) -> None:
        super().__init__()
        self.days: list[DayRecord] = []
        self.bad: set[str] = set()
        """The schools whose records cannot be read."""
        self.pupils: dict[UUID, Enrolment] = {}
        self.everybody: Enrolment | None = None
        self.leaves: dict[UUID, tuple[str, str, date, date]] = {}

    def _record(self, code: str) -> SchoolRecord:
        key = base64.b64encode(key_of(code).public_key().public_bytes_raw()).decode()
        term = TermRecord(date(2026, 9, 1), date(2027, 1, 20))
        return SchoolRecord(
            code, f"第{code}小学", f"School {code}", key, time(8, 10), [term], self.days
        )

    async def list_registry(self) -> Records[SchoolRecord]:
        """See modules.safety.schools.upstream."""
        self.answer("list_registry")
        good = [code for code in SCHOOLS if code not in self.bad]
        return Records([self._record(code) for code in good], len(SCHOOLS) - len(good))

    async def find_enrolment(self, access: Access) -> Enrolment | None:
        """See modules.safety.schools.upstream."""
        self.answer("find_enrolment")
        return self.pupils.get(access.person.id)

    async def report_leave(
        self, leave_id: UUID, school_code: str, pupil_ref: str, from_on: date, until_on: date
    ) -> None:
        """See modules.safety.schools.upstream."""
        self.answer("report_leave")
        self.leaves[leave_id] = (school_code, pupil_ref, from_on, until_on)

    async def withdraw_leave(self, leave_id: UUID) -> None:
        """See modules.safety.schools.upstream."""
        self.leaves.pop(leave_id, None)


async def make_guardian(app: App, guardian_id: UUID, child_id: UUID) -> Mandate:
    """A guardianship that the registry has confirmed."""
    return await Mandate.create(
        id=new_id(),
        kind=MandateKind.GUARDIAN,
        actor_id=guardian_id,
        subject_id=child_id,
        state="active",
        proposed_at=NOON,
        confirmed_at=NOON,
        ends_at=NOON + timedelta(days=3650),
    )


async def acting(app: App, guardian: Viewer, child_id: UUID) -> Call:
    """The call of a guardian on a child's behalf, with the consent given."""
    call = Call(app, Deadline.after(5), "test-request", guardian, Locale.EN, "127.0.0.1")
    mandate = await find_mandate(app, guardian.user_id, child_id)
    assert mandate is not None
    call = call.acting(mandate)
    await grant_consent(call, ENROLMENT.id, ENROLMENT.text_version)
    return call


@dataclass(frozen=True)
class Family:
    """A child at a school, with its guardians' calls."""

    child_id: UUID
    pupil: Enrolment
    guardians: Sequence[Call]


async def make_family(
    app: App, bureau: FakeBureau, pupil_ref: str, *, guardians: int = 1, school: str = "s001"
) -> Family:
    """A child who is enrolled, and so many guardians of it."""
    child = await make_citizen(app, level=2, name="贾小例", locale="zh")
    bureau.pupils[child.user_id] = pupil = Enrolment(school, pupil_ref, "三年级2班")
    calls = []
    for _ in range(guardians):
        guardian = await make_citizen(app, level=2, name="贾样例", locale="en")
        await make_guardian(app, guardian.user_id, child.user_id)
        calls.append(await acting(app, guardian, child.user_id))
    return Family(child.user_id, pupil, calls)


def reading(
    event_ref: str, pupil_ref: str, at: datetime, direction: Direction = IN, gate: str = "g1"
) -> GateReading:
    """A reading of a gate."""
    return GateReading(event_ref, pupil_ref, gate, direction, at)


def event(reading: GateReading) -> dict[str, str]:
    """A reading as it is sent."""
    return {
        "event_id": reading.event_ref,
        "pupil_ref": reading.pupil_ref,
        "gate_ref": reading.gate_ref,
        "direction": reading.direction,
        "at": reading.at.isoformat(),
    }


async def post(
    client: Client,
    school: str,
    events: Sequence[Mapping[str, Any]],
    *,
    created: datetime,
    key: Ed25519PrivateKey | None = None,
    key_id: str | None = None,
) -> Answer:
    """Send a batch as a school's gates do."""
    body = orjson.dumps({"school": school, "events": list(events)})
    headers = signed_headers(key or key_of(school), key_id or school, body, created)
    return await client.post(body, path=PATH, headers=headers | {"accept-language": "en"})
