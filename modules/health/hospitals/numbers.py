"""The numbers of hospitals and clinics as the booking engine takes them."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from core.context.app import App
from core.context.call import Call
from core.deadline import Deadline
from core.errors import NotFound, Unavailable
from core.people.personal_read import Purpose
from core.refusal_texts import NOT_FOUND, UPSTREAM_UNAVAILABLE
from core.texts import Named, Text
from core.upstream.client import UpstreamError
from kinds.booking.slot_store import NOTHING, Described
from kinds.booking.sources import ExternalNumber, ExternalSlot, SourceTexts
from modules.health.hospitals import browsing, texts
from modules.health.hospitals.identifiers import IDENTIFIERS
from modules.health.hospitals.servers import Servers
from modules.health.hospitals.upstream import Doctor, Hospital, Hospitals, Room, RoomKind

_TEXTS = SourceTexts(
    refused=texts.HOSPITAL_REFUSED,
    unavailable=texts.HOSPITAL_UNAVAILABLE,
    awaited=texts.AWAITS_HOSPITAL,
)


async def no_item(_call: Call, _item_id: str, _number: ExternalNumber) -> None:
    """A number that is booked for nothing in particular."""


def patient_purpose(purpose_id: str, text: Text, *, upstream: str = "hospitals") -> Purpose:
    """The purpose under which a hospital or clinic is told who comes, by whatever document."""
    return Purpose(
        id=purpose_id,
        upstream=upstream,
        fields=("name", "resident_id", "phone"),
        text=text,
        text_version="2026-12",
        documents=IDENTIFIERS,
    )


@dataclass(frozen=True, slots=True)
class HospitalNumbers:
    """A `NumberSource`: what one service books at some servers, under which consent.

    `kinds` are the rooms it books; without any it books doctors. `item` answers what a number is
    booked for in words, or refuses.
    """

    service_id: str
    servers: Servers
    purpose: Purpose
    kinds: Sequence[RoomKind] = ()
    item: Callable[[Call, str, ExternalNumber], Awaitable[str | None]] = no_item
    texts: SourceTexts = _TEXTS

    def system(self, app: App) -> Hospitals:
        """See NumberSource."""
        return app.upstream(self.servers.protocol)

    def payee(self, server_ref: str) -> str:
        """See NumberSource."""
        return f"hospital-{server_ref}"

    async def find_number(self, call: Call, server_ref: str, slot_ref: str) -> ExternalNumber:
        """See NumberSource."""
        hospitals = self.servers.client(call.app, server_ref)
        try:
            found = await self._find(hospitals, server_ref, slot_ref, call.deadline)
        except UpstreamError:
            raise Unavailable(UPSTREAM_UNAVAILABLE, upstream=texts.HOSPITALS) from None
        if found is None:
            raise NotFound(NOT_FOUND)
        hospital = (await browsing.read_hospital(call, server_ref, self.servers)).value
        if hospital is None:
            raise Unavailable(UPSTREAM_UNAVAILABLE, upstream=texts.HOSPITALS)
        return _number(found[0], hospital, found[1])

    async def read_number(
        self, app: App, server_ref: str, slot_ref: str, deadline: Deadline
    ) -> ExternalNumber | None:
        """See NumberSource."""
        hospitals = self.system(app)
        found = await self._find(hospitals, server_ref, slot_ref, deadline)
        if found is None:
            return None
        hospital = await hospitals.get_hospital(server_ref, deadline)
        return _number(found[0], hospital, found[1])

    async def _find(
        self, hospitals: Hospitals, server_ref: str, slot_ref: str, deadline: Deadline
    ) -> tuple[ExternalSlot, Doctor | Room] | None:
        """A number and whose calendar it is in, if this service books it. Raises UpstreamError."""
        slot = await hospitals.find_slot(server_ref, slot_ref, deadline)
        if slot is None:
            return None
        if not self.kinds:
            doctor = await hospitals.find_doctor(server_ref, slot.schedule_ref, deadline)
            return (slot, doctor) if doctor else None
        room = await hospitals.find_room(server_ref, slot.schedule_ref, deadline)
        return (slot, room) if room and room.kind in self.kinds else None

    async def check_item(self, call: Call, item_id: str, number: ExternalNumber) -> str | None:
        """See NumberSource."""
        return await self.item(call, item_id, number)

    async def list_alternatives(
        self, call: Call, server_ref: str, slot_ref: str
    ) -> Sequence[ExternalSlot]:
        """See NumberSource."""
        return await browsing.alternatives(
            call, server_ref, slot_ref, self.servers, colleagues=not self.kinds
        )


def _number(slot: ExternalSlot, hospital: Hospital, of: Doctor | Room) -> ExternalNumber:
    """Limits of a day are counted over a room, or over the department of a doctor."""
    if isinstance(of, Room):
        described, unit = Described(hospital.name, NOTHING, of.name, of.preparation), of.ref
    else:
        name = Named(f"{of.name} {of.title.zh}", f"{of.name}, {of.title.en}")
        described, unit = Described(hospital.name, of.department.name, name), of.department.ref
    return ExternalNumber(slot, hospital.ref, described, f"{hospital.ref}/{unit}", of.fee_fen)
