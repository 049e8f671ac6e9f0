"""Triage: rules over what somebody tells; what they say, and from which source, comes with it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any

from core.texts import Named

CHILD_YEARS = 14
MONTHS_MOST = 130 * 12
DEPARTMENTS_MOST = 3


class Sex(StrEnum):
    """FEMALE or MALE."""

    FEMALE = "FEMALE"
    MALE = "MALE"


@dataclass(frozen=True, slots=True)
class Complaint:
    """What somebody tells: symptoms by their codes, age in months, since how many hours."""

    symptoms: frozenset[str]
    age_months: int
    sex: Sex | None = None
    pregnant: bool = False
    hours: int | None = None


@dataclass(frozen=True, slots=True)
class TriageSource:
    """What a rule follows."""

    title: Annotated[str, "What was published, by whom."]
    url: Annotated[str, "Where it can be read."]


@dataclass(frozen=True, slots=True)
class TriageReason:
    """Why: a rule that holds."""

    text: Annotated[Named, "The reason in plain words."]
    symptoms: Annotated[Sequence["Symptom"], "Which of the told symptoms it rests on."]
    source: Annotated[TriageSource, "The published source of the rule."]


@dataclass(frozen=True, slots=True)
class Symptom:
    """Something that somebody can tell."""

    code: Annotated[str, "Its code, for triage."]
    name: Annotated[Named, "In plain words."]


@dataclass(frozen=True, slots=True)
class Condition:
    """When a rule holds."""

    any: frozenset[str]
    all: frozenset[str]
    months_from: int
    months_below: int
    sex: Sex | None
    pregnant: bool
    hours_at_most: int | None

    def holds(self, complaint: Complaint) -> bool:
        """Whether it holds. An unknown duration counts as short: the careful answer."""
        return (
            not self.any.isdisjoint(complaint.symptoms)
            and self.all <= complaint.symptoms
            and self.months_from <= complaint.age_months < self.months_below
            and self.sex in (None, complaint.sex)
            and (complaint.pregnant or not self.pregnant)
            and (
                self.hours_at_most is None
                or complaint.hours is None
                or complaint.hours <= self.hours_at_most
            )
        )


@dataclass(frozen=True, slots=True)
class Rule:
    """A red flag, or the way to a department."""

    condition: Condition
    department: str
    reason: Named
    source: TriageSource


@dataclass(frozen=True, slots=True)
class Rules:
    """All of it, as the file has it."""

    symptoms: Mapping[str, Symptom]
    departments: Mapping[str, Named]
    red_flags: Sequence[Rule]
    rules: Sequence[Rule]
    otherwise: Mapping[bool, Rule]
    """For children (True) and for everybody else, where no rule holds."""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A department with the reasons for it."""

    department: str
    name: Named
    reasons: Sequence[TriageReason]


@dataclass(frozen=True, slots=True)
class Advice:
    """Red flags, or else departments, the most fitting first."""

    red_flags: Sequence[TriageReason]
    suggestions: Sequence[Suggestion]


def advise(rules: Rules, complaint: Complaint) -> Advice:
    """What to do: where a red flag holds, the emergency number and nothing else."""
    flags = [_reason(rules, rule, complaint) for rule in rules.red_flags
             if rule.condition.holds(complaint)]  # fmt: skip
    if flags:
        return Advice(flags, ())
    held: dict[str, list[TriageReason]] = {}
    for rule in rules.rules:
        if rule.condition.holds(complaint):
            held.setdefault(rule.department, []).append(_reason(rules, rule, complaint))
    if not held:
        rule = rules.otherwise[complaint.age_months < CHILD_YEARS * 12]
        held[rule.department] = [_reason(rules, rule, complaint)]
    return Advice(
        (),
        [
            Suggestion(code, rules.departments[code], reasons)
            for code, reasons in list(held.items())[:DEPARTMENTS_MOST]
        ],
    )


def read_rules(data: Mapping[str, Any]) -> Rules:
    """The rules of the file. Raises ValueError or KeyError for a name that it does not explain."""
    sources = {name: TriageSource(**entry) for name, entry in data["sources"].items()}
    departments = {code: Named(**entry) for code, entry in data["departments"].items()}
    symptoms = {code: Symptom(code, Named(**name)) for code, name in data["symptoms"].items()}

    def rule(entry: Mapping[str, Any], department: str = "") -> Rule:
        condition = _condition(entry)
        if unknown := (condition.any | condition.all) - symptoms.keys():
            raise ValueError(f"unknown symptoms: {sorted(unknown)}")
        department = department or entry.get("department", "")
        if department and department not in departments:
            raise ValueError(f"unknown department: {department}")
        return Rule(condition, department, Named(**entry["reason"]), sources[entry["source"]])

    otherwise = data["otherwise"]
    return Rules(
        symptoms,
        departments,
        [rule(entry) for entry in data["red_flag"]],
        [rule(entry) for entry in data["rule"]],
        {
            is_child: _named_for(rule(otherwise, otherwise[who]), departments)
            for is_child, who in ((True, "child"), (False, "adult"))
        },
    )


def _condition(entry: Mapping[str, Any]) -> Condition:
    months_below = entry.get("months_below", entry.get("age_below", MONTHS_MOST) * 12)
    return Condition(
        any=frozenset(entry.get("any", ())),
        all=frozenset(entry.get("all", ())),
        months_from=entry.get("age_from", 0) * 12,
        months_below=months_below,
        sex=Sex(entry["sex"]) if "sex" in entry else None,
        pregnant=entry.get("pregnant", False),
        hours_at_most=entry.get("hours_at_most"),
    )


def _named_for(rule: Rule, departments: Mapping[str, Named]) -> Rule:
    name = departments[rule.department]
    reason = Named(
        rule.reason.zh.format(department=name.zh), rule.reason.en.format(department=name.en)
    )
    return Rule(rule.condition, rule.department, reason, rule.source)


def _reason(rules: Rules, rule: Rule, complaint: Complaint) -> TriageReason:
    named: Collection[str] = rule.condition.any | rule.condition.all
    symptoms = [rules.symptoms[code] for code in sorted(complaint.symptoms & set(named))]
    return TriageReason(rule.reason, symptoms, rule.source)
