"""Service 19 in GraphQL: what can be told, and the advice; hospitals are asked only after it."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import strawberry
from strawberry import argument

from core.context.call import Call
from core.errors import InvalidInput
from core.graphql import Info, anybody, public, query, view
from core.texts import Named
from core.upstream.readings import ReadStatus
from modules.health.hospitals.browsing import find_department, read_free_today
from modules.health.policy import hospitals_of, rules_of
from modules.health.records.domain import Source
from modules.health.records.view import source_of
from modules.health.triage import texts
from modules.health.triage.domain import (
    MONTHS_MOST,
    Complaint,
    Rules,
    Sex,
    Suggestion,
    Symptom,
    TriageReason,
    TriageSource,
    advise,
)
from modules.health.triage.rules import load_rules

SERVICE = "smart-triage"
_SYMPTOMS_MOST = 20
_PREGNANCY_MONTHS = range(9 * 12, 60 * 12)

view(Sex, name="TriageSex")
view(TriageSource)
view(Symptom, name="TriageSymptom")
view(TriageReason)


@view
@dataclass(frozen=True, slots=True)
class TriageHospital:
    """A hospital that has the department."""

    hospital: Annotated[Source, "The hospital, for hospitalDoctors."]
    department_code: Annotated[str | None, "The department there, for hospitalDoctors."]
    status: Annotated[ReadStatus, "Whether the hospital has told it just now."]
    free_today: Annotated[int | None, "How many numbers are free today; null where unknown."]


@strawberry.type(description="A department that fits, and why.")
class TriageDepartment:
    suggestion: strawberry.Private[Suggestion]

    @strawberry.field(description="The department.")
    def name(self, info: Info) -> str:
        """In the viewer's language."""
        return self.suggestion.name.say(info.context.locale)

    @strawberry.field(description="Why: the rules that hold.")
    def reasons(self) -> list[TriageReason]:
        """Each with its source."""
        return list(self.suggestion.reasons)

    @strawberry.field(
        description="The hospitals that have it, those with the most numbers today first."
    )
    async def hospitals(self, info: Info) -> list[TriageHospital]:
        """One that is silent stands last, UNAVAILABLE."""
        call = info.context
        rows = await asyncio.gather(
            *(_at_hospital(call, ref, self.suggestion.name) for ref in hospitals_of(call.app))
        )
        shown = [row for row in rows if row is not None]
        return sorted(
            shown, key=lambda row: -(row.free_today if row.free_today is not None else -1)
        )


@view
@dataclass(frozen=True, slots=True)
class TriageEmergency:
    """What to do at once, before anything else."""

    number: Annotated[str, "The number to call."]
    advice: Annotated[Named, "What to do, in plain words."]
    reasons: Annotated[Sequence[TriageReason], "The red flags that hold."]


@strawberry.type(description="Advice by published rules; never a diagnosis.")
class TriageAdvice:
    emergency: TriageEmergency | None = strawberry.field(
        description="Call now; null where no red flag holds. Show it before anything else."
    )
    departments: list[TriageDepartment] = strawberry.field(
        description="Departments that fit, the most fitting first; none in an emergency."
    )
    disclaimer: str = strawberry.field(description="What this advice is not, for the screen.")


@strawberry.input(description="What somebody tells of themselves or of whom they ask for.")
class TriageInput:
    symptoms: list[str] = strawberry.field(description="Codes of triageSymptoms.")
    age_months: int = strawberry.field(description="Age in whole months.")
    sex: Sex | None = strawberry.field(default=None, description="Sex, where it is told.")
    pregnant: bool = strawberry.field(default=False, description="Whether pregnant.")
    hours: int | None = strawberry.field(
        default=None, description="Since how many hours; null where unknown."
    )


@strawberry.type
class Query:
    """The query fields of triage."""

    @query(
        anybody(),
        description="What can be told to triage.",
        metadata=public(3600),
        never_refuses=True,
    )
    async def triage_symptoms(self, info: Info) -> list[Symptom]:
        """The same for everybody."""
        return list(_rules(info.context).symptoms.values())

    @query(
        anybody(),
        description="The emergency number for red flags, else departments that fit. Nothing of it "
        "is kept.",
    )
    async def triage(
        self,
        info: Info,
        form: Annotated[TriageInput, argument(name="told", description="What is the matter.")],
    ) -> TriageAdvice:
        """Red flags are found without asking any other system."""
        call, rules = info.context, _rules(info.context)
        advice = advise(rules, _complaint(rules, form))
        number, locale = rules_of(call.app).emergency_number, call.locale
        emergency = None
        if advice.red_flags:
            zh, en = (
                text.format(number=number) for text in (texts.EMERGENCY.zh, texts.EMERGENCY.en)
            )
            emergency = TriageEmergency(number, Named(zh, en), advice.red_flags)
        return TriageAdvice(
            emergency=emergency,
            departments=[TriageDepartment(suggestion=one) for one in advice.suggestions],
            disclaimer=texts.NO_DIAGNOSIS.say(locale).format(number=number),
        )


def _rules(call: Call) -> Rules:
    return call.app.once("health.triage", load_rules)


def _complaint(rules: Rules, form: TriageInput) -> Complaint:
    """What was told, as a complaint. Raises InvalidInput."""
    if not 0 < len(form.symptoms) <= _SYMPTOMS_MOST:
        raise InvalidInput(texts.SYMPTOMS_MISSING, "symptoms")
    for code in form.symptoms:
        if code not in rules.symptoms:
            raise InvalidInput(texts.SYMPTOM_UNKNOWN, "symptoms", code=code[:40])
    if not 0 <= form.age_months < MONTHS_MOST or (form.hours is not None and form.hours < 0):
        raise InvalidInput(texts.NOT_POSSIBLE, "ageMonths")
    if form.pregnant and (form.sex is Sex.MALE or form.age_months not in _PREGNANCY_MONTHS):
        raise InvalidInput(texts.NOT_POSSIBLE, "pregnant")
    return Complaint(frozenset(form.symptoms), form.age_months, form.sex, form.pregnant, form.hours)


async def _at_hospital(call: Call, hospital_ref: str, name: Named) -> TriageHospital | None:
    """What a hospital has of a department; None where it has no such one."""
    source = source_of(call, hospital_ref)
    found = await find_department(call, hospital_ref, name.zh)
    if found.value is None:
        is_silent = found.status is ReadStatus.UNAVAILABLE
        return TriageHospital(source, None, found.status, None) if is_silent else None
    count = await read_free_today(call, hospital_ref, found.value.ref)
    return TriageHospital(source, found.value.ref, count.status, count.value)
