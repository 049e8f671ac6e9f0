"""Vaccinations: reading a person's record, booking a clinic's number for a dose that is due."""

from datetime import date

from core.clock import civil_date
from core.context.call import Call
from core.errors import Conflict, InvalidInput, Unavailable
from core.people.personal_read import Access, Purpose, open_access, personal_read
from core.refusal_texts import UPSTREAM_UNAVAILABLE
from core.upstream.client import UpstreamError
from core.upstream.readings import Reading
from modules.appointments import texts
from modules.appointments.hospitals import service as numbers
from modules.appointments.hospitals.service import Wish
from modules.appointments.hospitals.sources import VACCINATION, VACCINATION_APPOINTMENT
from modules.appointments.hospitals.upstream import HospitalSlot
from modules.appointments.policy import rules_of
from modules.appointments.store import BookingRow
from modules.appointments.vaccination import domain
from modules.appointments.vaccination.domain import DoseFault, DueDose, VaccinationRecord
from modules.appointments.vaccination.upstream import Immunisation

_CODE_MAX, _NUMBER_MAX = 32, 20

RECORD = Purpose(
    id="appointments.immunisation-record",
    upstream="immunisation",
    fields=("doses_given", "doses_due"),
    text=texts.IMMUNISATION_CONSENT,
    text_version="2026-11",
)


async def read_vaccinations(call: Call) -> Reading[VaccinationRecord]:
    """The doses of the viewer, or of whom they act for.

    Raises LoginRequired below level 2 and Forbidden without consent.
    """

    async def fetch(access: Access) -> VaccinationRecord:
        return await call.app.upstream(Immunisation).read_record(access, call.deadline)

    return await personal_read(call, service=VACCINATION_APPOINTMENT, purpose=RECORD, fetch=fetch)


def first_day(call: Call, record: VaccinationRecord, due: DueDose) -> date:
    """The first day on which a due dose may be given."""
    return domain.earliest_on(record, due, rules_of(call.app).dose_interval)


async def book_vaccination(
    call: Call, clinic_ref: str, slot_ref: str, vaccine_code: str, number: int, key: str
) -> BookingRow:
    """Book a clinic's number for a dose that is due, for the viewer or whom they act for.

    The registry is asked at that moment; what was known before does not count. Raises Conflict
    DOSE_GIVEN, DOSE_NOT_DUE, DOSE_TOO_EARLY or LIMIT_SUBJECT (the dose has an appointment), and
    what booking a number raises; then nothing is booked here or there.
    """
    if not 0 < len(vaccine_code) <= _CODE_MAX or not 0 < number <= _NUMBER_MAX:
        raise InvalidInput(texts.DOSE_NOT_DUE, "doseNumber")

    async def check(slot: HospitalSlot) -> str:
        due = await _require_due(call, vaccine_code, number, slot)
        name = due.dose.vaccine.say(call.locale)
        return f"{name} {number}/{due.dose.series}" if due.dose.series else f"{name} {number}"

    wish = Wish(domain.item_of(vaccine_code, number), check=check)
    return await numbers.book_hospital_number(
        call, clinic_ref, slot_ref, key, source=VACCINATION, wish=wish
    )


async def check_moved(call: Call, booking: BookingRow, slot: HospitalSlot) -> None:
    """Raise Conflict where the dose of an appointment may not be given at another time."""
    if booking.service_id == VACCINATION_APPOINTMENT:
        await _require_due(call, *domain.parse_item(booking.item_id), slot)


async def _require_due(call: Call, vaccine_code: str, number: int, slot: HospitalSlot) -> DueDose:
    access = await open_access(call, service=VACCINATION_APPOINTMENT, purpose=RECORD)
    try:
        record = await call.app.upstream(Immunisation).read_record(access, call.deadline)
    except UpstreamError:
        raise Unavailable(UPSTREAM_UNAVAILABLE, upstream=texts.REGISTRY) from None
    on, interval = civil_date(slot.starts_at), rules_of(call.app).dose_interval
    found = domain.check_dose(record, vaccine_code, number, on, interval)
    match found.fault:
        case DoseFault.GIVEN:
            raise Conflict(texts.DOSE_GIVEN)
        case DoseFault.TOO_EARLY:
            assert found.earliest_on is not None
            raise Conflict(texts.DOSE_TOO_EARLY, earliest=found.earliest_on.isoformat())
        case DoseFault.NOT_DUE:
            raise Conflict(texts.DOSE_NOT_DUE)
    assert found.due is not None
    return found.due
