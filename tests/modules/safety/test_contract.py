"""The sandbox's schools, video platform and emergency bureau keep their contracts."""

import base64
from datetime import date

import m3u8

from core.deadline import Deadline
from core.ids import new_id
from core.people.directory import Person
from core.people.personal_read import Access
from core.standards.cap import parse_xml, read_alert
from core.standards.xml_signatures import signed_element
from core.telemetry.metrics import Metrics
from core.upstream.client import HttpClient
from modules.safety.alerts import upstream as emergency
from modules.safety.schools import upstream as schools
from modules.safety.video import upstream as video
from sandbox.population.people import Population
from sandbox.systems.emergency import NewAlert, alert, sign
from tests.conftest import NOON
from tests.sandbox.serving import Client as Sandbox
from tests.upstreams import over_http

SEED = 20260101


def _access(key: str) -> Access:
    person = next(one for one in Population(SEED).demo if one.key == key)
    known = Person(new_id(), person.phone, person.name, person.resident_id, 2, "zh")
    return Access(known, "test", new_id(), new_id(), schools.BUREAU.name, schools.BUREAU.documents)


async def test_the_sandbox_keeps_its_contracts(sandbox: Sandbox) -> None:
    systems = schools.BUREAU, video.PLATFORM, emergency.BUREAU
    async with HttpClient(Metrics()) as http:
        app, soon = over_http(http, sandbox.base, *systems), Deadline.after(10)
        registry = await schools.list_registry(app, soon)
        assert (len(registry.items), registry.unreadable) == (96, 0)
        assert {len(base64.b64decode(one.gate_key)) for one in registry.items} == {32}
        enrolled = await schools.find_enrolment(app, soon, _access("child"))
        assert enrolled is not None
        assert enrolled.school_code in {one.code for one in registry.items}
        assert await schools.find_enrolment(app, soon, _access("parent")) is None
        days = date(2026, 11, 24), date(2026, 11, 25)
        leave_id = new_id()
        for _ in range(2):
            await schools.report_leave(
                app, soon, leave_id, enrolled.school_code, enrolled.pupil_ref, *days
            )
        assert len((await sandbox.get("/_control/schools/leaves"))[1]) == 1
        for _ in range(2):
            await schools.withdraw_leave(app, soon, leave_id)
        assert (await sandbox.get("/_control/schools/leaves"))[1] == []
        cameras = await video.list_records(app, soon, enrolled.school_code)
        assert [one.permitted for one in cameras.items] == [True, True, False]
        camera = cameras.items[0].camera_ref
        media = m3u8.loads((await video.fetch_file(app, soon, camera, "main.m3u8")).decode())
        segment = await video.fetch_file(app, soon, camera, media.segments[-1].uri)
        assert len(segment) % 188 == 0 and set(segment[::188]) == {0x47}
        (source,) = (await emergency.fetch_sources(app, soon)).items
    document = sign(SEED, alert(NewAlert(circle="36.67,117.0 3"), "A1", NOON))
    read = read_alert(signed_element(parse_xml(document), source.certificate_pem))
    assert (read.sender, [info.language for info in read.infos]) == (
        source.sender,
        ["zh-CN", "en-US"],
    )
