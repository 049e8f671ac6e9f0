"""The hospitals over FHIR R4; each is a server of its own below one address.

See docs/upstreams/hospital.md.
"""

import asyncio
import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from core.clock import ensure_utc
from core.context.app import App
from core.deadline import Deadline
from core.people.personal_read import Access
from core.standards import fhir
from core.standards.fhir import FhirInvalid
from core.standards.fhir_client import FhirClient, Versioned
from core.texts import Named
from core.upstream.client import UpstreamFailed, UpstreamRejected
from kinds.booking.domain import State
from kinds.booking.sources import ExternalBooking, ExternalSlot, SlotTaken
from modules.health.hospitals.appointments import (
    BOOKING_SYSTEM,
    ENDED,
    UNDECIDED,
    is_of,
    new_appointment,
    numbers_of,
    search_token,
)
from modules.health.hospitals.upstream import Department, Doctor, Hospital, Room, RoomKind

FEE_EXTENSION = "registration-fee-fen"
_TRANSLATION = "http://hl7.org/fhir/StructureDefinition/translation"
_OUTPATIENT = "outpatient"
_TAKEN, _STALE_VERSION = 409, 412
_UUID = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
PAGE = ("_count", "200")
_OUTCOMES = {
    "arrived": State.ATTENDED,
    "checked-in": State.ATTENDED,
    "fulfilled": State.ATTENDED,
    "noshow": State.MISSED,
}


class FhirHospitals:
    """The hospitals over FHIR R4, each a server at `root` below the upstream's address."""

    name = "hospitals"
    root = "/{ref}/fhir"

    def __init__(self, app: App, address: str) -> None:
        self._upstream = app.http.upstream(self.name, address)

    def _at(self, hospital_ref: str) -> FhirClient:
        return FhirClient(self._upstream, self.root.format(ref=hospital_ref), hospital_ref)

    async def get_hospital(self, hospital_ref: str, deadline: Deadline) -> Hospital:
        """The hospital's Organization."""
        found = await self._at(hospital_ref).find(
            "Organization", hospital_ref, operation="hospital", deadline=deadline
        )
        if found is None:
            raise self._broken("hospital", "no such organization")
        organization = found.resource
        grade = next((kind.text for kind in organization.type or () if kind.text), "")
        return Hospital(hospital_ref, named(organization, "name"), grade)

    async def list_departments(self, hospital_ref: str, deadline: Deadline) -> Sequence[Department]:
        """The HealthcareServices of the category outpatient."""
        found = await self._at(hospital_ref).search(
            "HealthcareService",
            [("service-category", _OUTPATIENT), PAGE],
            operation="departments",
            deadline=deadline,
        )
        return [Department(s.id, named(s, "name")) for s in found if s.active is not False]

    async def list_doctors(
        self, hospital_ref: str, department_ref: str, deadline: Deadline
    ) -> Sequence[Doctor]:
        """PractitionerRoles of the department, each with its Schedule."""
        server, service = self._at(hospital_ref), f"HealthcareService/{department_ref}"
        roles = await server.search(
            "PractitionerRole", [("service", service), PAGE],
            operation="doctors", deadline=deadline,
        )  # fmt: skip
        schedules = await server.search(
            "Schedule", [("actor", service), PAGE], operation="schedules", deadline=deadline
        )
        calendars = {self._find_actor(s, "PractitionerRole"): s.id for s in schedules}
        return [
            self._doctor(role, calendars[role.id])
            for role in roles
            if role.id in calendars and role.active is not False
        ]

    async def find_doctor(
        self, hospital_ref: str, schedule_ref: str, deadline: Deadline
    ) -> Doctor | None:
        """The PractitionerRole that a Schedule belongs to."""
        server = self._at(hospital_ref)
        schedule = await server.find(
            "Schedule", schedule_ref, operation="schedule", deadline=deadline
        )
        if schedule is None:
            return None
        role_id = self._find_actor(schedule.resource, "PractitionerRole")
        if role_id is None:
            return None
        role = await server.find("PractitionerRole", role_id, operation="doctor", deadline=deadline)
        return None if role is None else self._doctor(role.resource, schedule_ref)

    async def list_rooms(
        self, hospital_ref: str, kinds: Sequence[RoomKind], deadline: Deadline
    ) -> Sequence[Room]:
        """HealthcareServices of the categories, each with its Schedule."""
        server = self._at(hospital_ref)
        services = await server.search(
            "HealthcareService",
            [("service-category", ",".join(kinds)), PAGE],
            operation="rooms",
            deadline=deadline,
        )
        calendars = await asyncio.gather(
            *(
                server.search(
                    "Schedule",
                    [("actor", f"HealthcareService/{service.id}"), PAGE],
                    operation="room_schedules",
                    deadline=deadline,
                )
                for service in services
            )
        )
        found = [
            self._room(service, schedule.id)
            for service, schedules in zip(services, calendars, strict=True)
            for schedule in schedules
            if service.active is not False
        ]
        return [room for room in found if room is not None and room.kind in kinds]

    async def find_room(
        self, hospital_ref: str, schedule_ref: str, deadline: Deadline
    ) -> Room | None:
        """The HealthcareService that a Schedule without a doctor belongs to."""
        server = self._at(hospital_ref)
        schedule = await server.find(
            "Schedule", schedule_ref, operation="schedule", deadline=deadline
        )
        if schedule is None or self._find_actor(schedule.resource, "PractitionerRole") is not None:
            return None
        service_id = self._find_actor(schedule.resource, "HealthcareService")
        if service_id is None:
            raise self._broken("schedules", "a schedule without HealthcareService")
        service = await server.find(
            "HealthcareService", service_id, operation="room", deadline=deadline
        )
        return None if service is None else self._room(service.resource, schedule_ref)

    async def list_slots(
        self,
        hospital_ref: str,
        schedule_ref: str,
        begins_at: datetime,
        ends_at: datetime,
        deadline: Deadline,
    ) -> Sequence[ExternalSlot]:
        """Free Slots, in order of time."""
        found = await self._at(hospital_ref).search(
            "Slot",
            [
                ("schedule", f"Schedule/{schedule_ref}"),
                ("status", "free"),
                ("start", f"ge{fhir.instant(begins_at)}"),
                ("start", f"lt{fhir.instant(ends_at)}"),
                PAGE,
            ],
            operation="slots",
            deadline=deadline,
        )
        return sorted(map(self._slot, found), key=lambda slot: slot.starts_at)

    async def count_free(
        self,
        hospital_ref: str,
        department_ref: str,
        begins_at: datetime,
        ends_at: datetime,
        deadline: Deadline,
    ) -> int:
        """The total of a Slot search over the department's Schedules, without the Slots."""
        return await self._at(hospital_ref).count(
            "Slot",
            [
                ("schedule.actor", f"HealthcareService/{department_ref}"),
                ("status", "free"),
                ("start", f"ge{fhir.instant(begins_at)}"),
                ("start", f"lt{fhir.instant(ends_at)}"),
            ],
            operation="free_count",
            deadline=deadline,
        )

    async def find_slot(
        self, hospital_ref: str, slot_ref: str, deadline: Deadline
    ) -> ExternalSlot | None:
        """One Slot."""
        found = await self._at(hospital_ref).find(
            "Slot", slot_ref, operation="slot", deadline=deadline
        )
        return None if found is None else self._slot(found.resource)

    async def book(
        self, access: Access, hospital_ref: str, slot_ref: str, booking_id: UUID, deadline: Deadline
    ) -> ExternalBooking:
        """Conditional create of an Appointment; repeating it finds the first."""
        try:
            made = await self._at(hospital_ref).create(
                "Appointment",
                new_appointment(access, slot_ref, booking_id),
                operation="book",
                deadline=deadline,
                if_none_exist=f"identifier={search_token(booking_id)}",
                access=access,
            )
        except UpstreamRejected as error:
            if error.status == _TAKEN:
                raise SlotTaken from None
            raise
        if not is_of(made.resource, booking_id):
            raise self._broken("book", "the appointment is another's")
        if made.resource.status in UNDECIDED:
            raise self._broken("book", "the hospital has not decided yet")
        return self._placed(made)

    async def find_booking(
        self, hospital_ref: str, booking_id: UUID, deadline: Deadline
    ) -> ExternalBooking | None:
        """The Appointment with our identifier: the one that stands where there are several."""
        server = self._at(hospital_ref)
        found = await server.search(
            "Appointment",
            [("identifier", search_token(booking_id))],
            operation="find_booking",
            deadline=deadline,
        )
        ours = [one for one in found if is_of(one, booking_id)]
        if not ours:
            return None
        placed_id = min(ours, key=lambda one: one.status in ENDED).id
        read = await server.find(
            "Appointment", placed_id, operation="read_booking", deadline=deadline
        )
        return None if read is None else self._placed(read)

    async def list_changed(
        self, hospital_ref: str, since: datetime, deadline: Deadline
    ) -> Sequence[UUID]:
        """The Appointments with an identifier of ours, by `_lastUpdated`."""
        found = await self._at(hospital_ref).search(
            "Appointment",
            [
                ("identifier", f"{BOOKING_SYSTEM}|"),
                ("_lastUpdated", f"ge{fhir.instant(since)}"),
                PAGE,
            ],
            operation="list_changed",
            deadline=deadline,
        )
        return [
            UUID(number) for one in found for number in numbers_of(one) if _UUID.fullmatch(number)
        ]

    async def cancel(
        self, hospital_ref: str, booking_id: UUID, placed: ExternalBooking, deadline: Deadline
    ) -> ExternalBooking:
        """PUT the Appointment as cancelled under If-Match; a moved version is read again once."""
        server = self._at(hospital_ref)
        for _ in range(2):
            read = await server.find(
                "Appointment", placed.ref, operation="read_booking", deadline=deadline
            )
            if read is None or not self._placed(read).live:
                return ExternalBooking(placed.ref, placed.version, live=False)
            body = fhir.dump(read.resource) | {"status": "cancelled"}
            try:
                changed = await server.update(
                    "Appointment", placed.ref, body,
                    operation="cancel", deadline=deadline, if_match=read.etag,
                )  # fmt: skip
            except UpstreamRejected as error:
                if error.status != _STALE_VERSION:
                    raise
            else:
                return self._placed(changed)
        raise self._broken("cancel", "the appointment changes faster than we can cancel it")

    def _doctor(self, role: Any, schedule_ref: str) -> Doctor:
        service = next(iter(role.healthcareService or ()), None)
        if service is None or role.practitioner is None:
            raise self._broken("doctors", "a role without doctor or department")
        title = next(iter(role.code or ()), None)
        department = Department(
            self._reference(service.reference, "HealthcareService"), _same(service.display or "")
        )
        return Doctor(
            schedule_ref=schedule_ref,
            name=role.practitioner.display or "",
            title=named(title, "text") if title else _same(""),
            department=department,
            fee_fen=_fee(role),
        )

    def _slot(self, slot: Any) -> ExternalSlot:
        try:
            starts_at, ends_at = ensure_utc(slot.start), ensure_utc(slot.end)
        except ValueError:
            raise self._broken("slots", "a slot without time zone") from None
        if ends_at <= starts_at:
            raise self._broken("slots", "a slot that ends before it starts")
        schedule_ref = self._reference(slot.schedule.reference, "Schedule")
        return ExternalSlot(slot.id, schedule_ref, starts_at, ends_at, slot.status == "free")

    def _room(self, service: Any, schedule_ref: str) -> Room | None:
        """A service of one of the kinds that have rooms, else None."""
        codes = [c.code for category in service.category or () for c in category.coding or ()]
        kind = next((kind for kind in RoomKind if kind in codes), None)
        if kind is None:
            return None
        return Room(
            ref=service.id,
            schedule_ref=schedule_ref,
            name=named(service, "name"),
            kind=kind,
            fee_fen=_fee(service),
            preparation=named(service, "extraDetails"),
        )

    def _find_actor(self, schedule: Any, kind: str) -> str | None:
        for actor in schedule.actor:
            if actor.reference and f"{kind}/" in actor.reference:
                return self._reference(actor.reference, kind)
        return None

    def _reference(self, reference: str | None, kind: str) -> str:
        try:
            return fhir.reference_id(reference or "", kind)
        except FhirInvalid as error:
            raise self._broken("references", str(error)) from None

    def _broken(self, operation: str, detail: str) -> UpstreamFailed:
        return UpstreamFailed(self.name, operation, detail)

    def _placed(self, found: Versioned) -> ExternalBooking:
        if not found.etag:
            raise self._broken("booking", "an appointment without a version")
        resource, status = found.resource, found.resource.status
        slot = next(iter(resource.slot or ()), None)
        try:
            starts_at, ends_at = (one and ensure_utc(one) for one in (resource.start, resource.end))
        except ValueError:
            raise self._broken("booking", "a moment without time zone") from None
        return ExternalBooking(
            *(resource.id, found.etag, status not in ENDED, _OUTCOMES.get(status)),
            slot_ref=self._reference(slot.reference, "Slot") if slot else None,
            starts_at=starts_at,
            ends_at=ends_at,
        )


def _fee(role: Any) -> int | None:
    """None where it tells no fee: that is not for free."""
    fees = (e.valueInteger for e in role.extension or () if e.url.endswith(FEE_EXTENSION))
    return next((fee for fee in fees if fee is not None and fee >= 0), None)


def named(element: Any, field: str) -> Named:
    """An element's text with its English translation, where the standard extension gives one."""
    text = getattr(element, field) or ""
    companion = getattr(element, f"{field}__ext")
    for extension in companion.extension or () if companion else ():
        if extension.url == _TRANSLATION:
            parts = {part.url: part for part in extension.extension or ()}
            if "lang" in parts and parts["lang"].valueCode == "en" and "content" in parts:
                return Named(text, parts["content"].valueString or text)
    return _same(text)


def _same(text: str) -> Named:
    return Named(text, text)
