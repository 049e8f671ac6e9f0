"""The immunisation registry over FHIR R4, its clinics as FHIR servers of their own.

See docs/upstreams/immunisation.md.
"""

import asyncio
from datetime import date, datetime
from typing import Any

from core.clock import civil_date, ensure_utc
from core.deadline import Deadline
from core.people.personal_read import Access
from core.standards.fhir_client import FhirClient
from core.upstream.client import UpstreamRejected
from modules.health.hospitals.fhir import PAGE, FhirHospitals, named
from modules.health.hospitals.identifiers import identifier_of
from modules.health.vaccination.domain import (
    Dose,
    DueDose,
    GivenDose,
    VaccinationRecord,
)

_EARLIEST, _DUE = "30981-5", "30980-7"
"""LOINC codes of the dates in a recommendation."""
_NOT_FOUND = 404


class FhirImmunisation(FhirHospitals):
    """The registry at `/fhir`, each clinic at `/clinics/<code>/fhir`."""

    name = "immunisation"
    root = "/clinics/{ref}/fhir"

    async def read_record(self, access: Access, deadline: Deadline) -> VaccinationRecord:
        """Immunization and ImmunizationRecommendation of one person, asked at the same time."""
        registry = FhirClient(self._upstream, "/fhir")
        whose = ("patient.identifier", "|".join(map(str, identifier_of(access.person))))
        try:
            given, recommended = await asyncio.gather(
                registry.search(
                    "Immunization", [whose, PAGE],
                    operation="immunizations", deadline=deadline, access=access, posted=True,
                ),
                registry.search(
                    "ImmunizationRecommendation", [whose, PAGE],
                    operation="recommendations", deadline=deadline, access=access, posted=True,
                ),
            )  # fmt: skip
        except UpstreamRejected as error:
            if error.status == _NOT_FOUND:
                return VaccinationRecord((), ())
            raise
        return VaccinationRecord(
            [self._given(one) for one in given if one.status == "completed"],
            [self._due(one) for resource in recommended for one in resource.recommendation],
        )

    def _given(self, immunization: Any) -> GivenDose:
        protocol = next(iter(immunization.protocolApplied or ()), None)
        return GivenDose(
            self._dose(immunization.vaccineCode, protocol),
            self._day(immunization.occurrenceDateTime),
            immunization.lotNumber or "",
        )

    def _due(self, recommendation: Any) -> DueDose:
        vaccine = next(iter(recommendation.vaccineCode or ()), None)
        dates = {
            coding.code: criterion.value
            for criterion in recommendation.dateCriterion or ()
            for coding in criterion.code.coding or ()
        }
        if _EARLIEST not in dates:
            raise self._broken("recommendations", "a dose without an earliest date")
        earliest_on = self._day(dates[_EARLIEST])
        status = [coding.code for coding in recommendation.forecastStatus.coding or ()]
        return DueDose(
            self._dose(vaccine, recommendation),
            earliest_on,
            self._day(dates[_DUE]) if _DUE in dates else None,
            overdue="overdue" in status,
        )

    def _dose(self, vaccine: Any, protocol: Any) -> Dose:
        coding = next(iter(vaccine.coding or ()), None) if vaccine is not None else None
        if coding is None or not coding.code or protocol is None:
            raise self._broken("immunizations", "a dose without a vaccine's code")
        number = protocol.doseNumberPositiveInt
        if number is None:
            raise self._broken("immunizations", "a dose without its number")
        return Dose(
            coding.code, named(vaccine, "text"), number, protocol.seriesDosesPositiveInt or 0
        )

    def _day(self, value: Any) -> date:
        """A FHIR date or dateTime as a civil date; a moment carries its zone."""
        if isinstance(value, datetime):
            try:
                return civil_date(ensure_utc(value))
            except ValueError:
                raise self._broken("immunizations", "a moment without time zone") from None
        if isinstance(value, date):
            return value
        raise self._broken("immunizations", "a dose without a day")
