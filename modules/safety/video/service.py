"""Opening a camera: for a guardian, at its hours, and never without an entry of the log."""

from collections.abc import Sequence

from core.clock import civil_date
from core.context.app import App
from core.context.call import Call
from core.context.commands import CREDENTIAL_REPLAY, claim_key
from core.database import transaction
from core.errors import Conflict, Forbidden, NotFound
from core.queue.jobs import Lane, job
from core.refusal_texts import NOT_FOUND
from core.texts import Named
from modules.safety.schools.guardians import read_enrolment, require_child
from modules.safety.schools.upstream import list_schools, unreadable_registry
from modules.safety.video import store, texts
from modules.safety.video.domain import (
    KEPT,
    LIVE,
    SERVICE,
    VIEWS_MAX,
    Camera,
    SchoolCameras,
    SchoolVideo,
    SchoolVideoView,
)
from modules.safety.video.models import SchoolVideoView as Row
from modules.safety.video.signing import ADDRESS, issue
from modules.safety.video.upstream import list_cameras

LOG_MAX = 100


async def read_cameras(call: Call) -> SchoolCameras:
    """The permitted cameras of the child's school. Raises as `require_child`, `read_enrolment`."""
    require_child(call)
    enrolment = await read_enrolment(call, SERVICE)
    schools = await list_schools(call.app, call.deadline)
    cameras = await list_cameras(call.app, call.deadline, enrolment.school_code)
    school = schools.find(enrolment.school_code)
    name = school.name if school else Named(enrolment.school_code, enrolment.school_code)
    return SchoolCameras(name, cameras, await is_school_day(call, enrolment.school_code))


async def is_school_day(call: Call, school_code: str) -> bool:
    """Whether there is school today. Raises Unavailable where the registry cannot be read, or what
    it may have of this school."""
    schools = await list_schools(call.app, call.deadline)
    if schools.may_have(school_code):
        raise unreadable_registry()
    school = schools.find(school_code)
    today, calendar = civil_date(call.app.clock.now()), call.app.city.calendar
    return school is not None and school.arrival_on(today, calendar) is not None


async def open_video(call: Call, camera_ref: str, key: str) -> SchoolVideo:
    """An address of a camera's stream for the guardian, and the entry of the log.

    One that the guardian watches already gives a fresh address of the same entry. Raises as
    `read_enrolment`, NotFound for a camera that is another school's or not permitted, Forbidden
    CAMERA_SHUT outside its hours, Conflict TOO_MANY_VIEWS, KEY_REUSED and KEY_EXPIRED.
    """
    child_id, viewer = require_child(call), call.require_viewer()
    enrolment = await read_enrolment(call, SERVICE)
    camera = await _camera(call, enrolment.school_code, camera_ref)
    app, now = call.app, call.app.clock.now()
    is_day = camera.every_day or await is_school_day(call, enrolment.school_code)
    if not (is_day and camera.is_open(now)):
        raise Forbidden(texts.CAMERA_SHUT)
    address = app.vault.blind_index(call.address, ADDRESS)
    command = {"child": str(child_id), "camera": camera_ref}
    async with transaction() as tx:
        await store.lock_guardian(tx, viewer.user_id)
        claim = await claim_key(
            call, tx, "openSchoolVideo", key, command, replay_for=CREDENTIAL_REPLAY
        )
        live = await store.list_live(tx, viewer.user_id, now - LIVE)
        same = next((one for one in live if _is_same(one, camera_ref, address)), None)
        if claim.replayed or same is not None:
            row = same or await Row.get(id=claim.effect_id, using_db=tx)
        elif len({one.camera_ref for one in live}) >= VIEWS_MAX:
            raise Conflict(texts.TOO_MANY_VIEWS, limit=VIEWS_MAX)
        else:
            row = await Row.create(
                using_db=tx, id=claim.effect_id, citizen_id=viewer.user_id, child_id=child_id,
                school_code=enrolment.school_code, pupil_ref=enrolment.pupil_ref,
                camera_ref=camera_ref, address_index=address, opened_at=now, last_seen_at=now,
            )  # fmt: skip
    return issue(app, row.id, camera_ref)


async def _camera(call: Call, school_code: str, camera_ref: str) -> Camera:
    for camera in await list_cameras(call.app, call.deadline, school_code):
        if camera.camera_ref == camera_ref:
            return camera
    raise NotFound(NOT_FOUND)


def _is_same(row: Row, camera_ref: str, address: bytes) -> bool:
    return row.camera_ref == camera_ref and bytes(row.address_index) == address


async def list_views(call: Call) -> Sequence[SchoolVideoView]:
    """What guardians of the child have watched, the newest first. Raises as `require_child`."""
    child_id, me = require_child(call), call.require_viewer().user_id
    return [
        SchoolVideoView(
            row.id, row.camera_ref, row.citizen_id == me, row.opened_at, row.last_seen_at
        )
        for row in await store.list_of_child(child_id, LOG_MAX)
    ]


@job("safety.forget_views", lane=Lane.BULK, timeout_s=300, every="35 19 * * *")
async def forget_views(app: App) -> None:
    """Every night: forget what was watched half a year ago."""
    await store.delete_old(app.clock.now() - KEPT)
