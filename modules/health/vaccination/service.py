"""Vaccinations: reading a person's record, and which clinics' numbers a dose may be booked at."""

from collections.abc import Sequence
from datetime import date

from core.clock import civil_date
from core.context.app import App
from core.context.call import Call
from core.errors import Conflict, InvalidInput, Unavailable
from core.people.personal_read import Access, Purpose, open_access, personal_read
from core.refusal_texts import UPSTREAM_UNAVAILABLE
from core.upstream.client import UpstreamError
from core.upstream.readings import Reading
from kinds.booking import numbers
from kinds.booking.numbers import NumberRequest
from kinds.booking.sources import ExternalNumber
from kinds.booking.store import BookingRow
from modules.health.hospitals.identifiers import IDENTIFIERS
from modules.health.hospitals.numbers import HospitalNumbers, patient_purpose
from modules.health.hospitals.servers import Servers
from modules.health.hospitals.upstream import RoomKind
from modules.health.policy import rules_of
from modules.health.vaccination import domain, texts
from modules.health.vaccination.domain import DoseFault, DueDose, VaccinationRecord
from modules.health.vaccination.upstream import Immunisation

VACCINATION_APPOINTMENT = "vaccination-appointment"
_CODE_MAX, _NUMBER_MAX = 32, 20

RECORD = Purpose(
    id="appointments.immunisation-record",
    upstream="immunisation",
    fields=("doses_given", "doses_due"),
    text=texts.IMMUNISATION_CONSENT,
    text_version="2026-12",
    documents=IDENTIFIERS,
)
VACCINEE = patient_purpose(
    "appointments.vaccination", texts.VACCINATION_CONSENT, upstream="immunisation"
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
    request = NumberRequest(clinic_ref, slot_ref, domain.item_of(vaccine_code, number))
    return await numbers.book_number(call, VACCINATION, request, key)


async def check_dose(call: Call, item_id: str, number: ExternalNumber) -> str:
    """The dose of an item in words, as the registry knows it at this moment.

    Raises Conflict where it may not be given at the time of the number, and Unavailable.
    """
    due = await _require_due(call, *domain.parse_item(item_id), civil_date(number.slot.starts_at))
    dose = due.dose
    name = f"{dose.vaccine.say(call.locale)} {dose.number}"
    return f"{name}/{dose.series}" if dose.series else name


async def _require_due(call: Call, vaccine_code: str, number: int, on: date) -> DueDose:
    access = await open_access(call, service=VACCINATION_APPOINTMENT, purpose=RECORD)
    try:
        record = await call.app.upstream(Immunisation).read_record(access, call.deadline)
    except UpstreamError:
        raise Unavailable(UPSTREAM_UNAVAILABLE, upstream=texts.REGISTRY) from None
    interval = rules_of(call.app).dose_interval
    check = domain.check_dose(record, vaccine_code, number, on, interval)
    match check.fault:
        case DoseFault.GIVEN:
            raise Conflict(texts.DOSE_GIVEN)
        case DoseFault.TOO_EARLY:
            assert check.earliest_on is not None
            raise Conflict(texts.DOSE_TOO_EARLY, earliest=check.earliest_on.isoformat())
        case DoseFault.NOT_DUE:
            raise Conflict(texts.DOSE_NOT_DUE)
    assert check.due is not None
    return check.due


def _clinics(app: App) -> Sequence[str]:
    return rules_of(app).clinics


CLINICS = Servers("immunisation", Immunisation, _clinics)
VACCINATION = HospitalNumbers(
    VACCINATION_APPOINTMENT, CLINICS, VACCINEE, (RoomKind.VACCINATION,), item=check_dose
)
