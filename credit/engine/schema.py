"""What a model asks of its input: columns with their kind and range, features with their meaning.

Everything here is plain data that travels inside the signed artefact.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any


class Kind(StrEnum):
    """How the text of a column is read."""

    NUMBER = "number"
    TEXT = "text"
    DATE = "date"


class Known(StrEnum):
    """When a column's value comes into being, as seen from the decision."""

    APPLICATION = "application"
    REQUESTED = "requested"  # set at approval, but stands for what was asked for
    AFTER = "after"  # known only once the decision or the outcome is
    IDENTIFIER = "identifier"
    TIME = "time"
    WEIGHT = "weight"
    LABEL = "label"


USABLE = frozenset({Known.APPLICATION, Known.REQUESTED})
"""The only moments at which a feature's columns may be known."""


@dataclass(frozen=True)
class Column:
    """One column of a data set.

    `blank` are texts that mean "not recorded", numbers in any spelling; `kept` are texts that look
    blank ("NA") and are values. `source` is the outside system that is asked for it, and `none`
    the number that "asked, none on record" stands for, if it stands for one.
    """

    name: str
    kind: Kind
    known: Known
    minimum: float | None = None
    maximum: float | None = None
    required: bool = False
    blank: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    marks: tuple[str, str] = ("", ".")
    """Between thousands and before decimals, in numbers."""
    date_form: str = ""
    """How dates are written, as strptime has it; empty for ISO 8601."""
    source: str = ""
    none: float | None = None
    subject: tuple[str, str] = ("", "")
    """What it is about, as a noun (Chinese, English); its name where nothing is given."""

    @property
    def about(self) -> tuple[str, str]:
        """What the column is about, for texts that must not assert its value."""
        return (self.subject[0] or self.name, self.subject[1] or self.name)


@dataclass(frozen=True)
class Part:
    """A piece of a category key: a column, whole or its first `prefix` characters."""

    column: str
    prefix: int = 0


STATISTICS = ("count", "mean", "median")
"""What a profile may say of a category: the logarithm of 1 + its rows, or what is usual there."""


@dataclass(frozen=True)
class Derivation:
    """How a number is made from columns; see `credit.engine.features` for each form."""

    form: str
    columns: tuple[str, ...] = ()
    codes: tuple[tuple[str, float], ...] = ()
    log: bool = False
    floor: float = 1.0
    levels: tuple[tuple[Part, ...], ...] = ()
    of: "Derivation | None" = None
    statistic: str = "mean"
    relative: bool = False

    def sources(self) -> frozenset[str]:
        """Every column the number depends on."""
        own = set(self.columns) | {part.column for level in self.levels for part in level}
        return frozenset(own | (self.of.sources() if self.of else set()))


@dataclass(frozen=True)
class Feature:
    """A model input. `direction` +1: risk never falls as it rises; -1: never rises; 0: free.

    `reason` texts name the factor when it raised the risk, `strength` when it lowered it;
    each is (Chinese, English). `shown` says how a person reads the value: number, log, share.
    `subject` names what it is about, for when its value is not known.
    """

    name: str
    derivation: Derivation
    direction: int
    reason: tuple[str, str]
    strength: tuple[str, str]
    shown: str = "number"
    subject: tuple[str, str] = ("", "")

    @cached_property
    def sources(self) -> tuple[str, ...]:
        """Every column it depends on, in order."""
        return tuple(sorted(self.derivation.sources()))

    @property
    def about(self) -> tuple[str, str]:
        """What the feature is about, for texts that must not assert its value."""
        return (self.subject[0] or self.name, self.subject[1] or self.name)


@dataclass(frozen=True)
class Lever:
    """An input that the applicant could change: a column, bounds and what may be asked of anybody.

    `direction` −1: only less is ever proposed, +1: only more, 0: either. Columns in `scales` move
    in proportion (a guarantee stays the same share of a smaller loan).
    """

    column: str
    minimum: float
    maximum: float
    step: float
    text: tuple[str, str]
    whole_share: float = 0.5
    """The largest relative change that still counts as feasible."""
    direction: int = 0
    scales: tuple[str, ...] = ()
    per: int = 1
    """How many of the column's units make one that a person reads: 100 fen a yuan."""


def to_plain(value: Any) -> dict[str, Any]:
    """A dataclass as JSON-ready data."""
    return asdict(value)


def column_from(data: Mapping[str, Any]) -> Column:
    """Rebuild a column from an artefact."""
    return Column(
        **{
            **data,
            "kind": Kind(data["kind"]),
            "known": Known(data["known"]),
            "blank": tuple(data["blank"]),
            "kept": tuple(data["kept"]),
            "marks": (data["marks"][0], data["marks"][1]),
            "subject": (data["subject"][0], data["subject"][1]),
        }
    )


def derivation_from(data: Mapping[str, Any]) -> Derivation:
    """Rebuild a derivation from an artefact."""
    levels = tuple(tuple(Part(**part) for part in level) for level in data["levels"])
    return Derivation(
        **{
            **data,
            "columns": tuple(data["columns"]),
            "codes": tuple((str(text), float(value)) for text, value in data["codes"]),
            "levels": levels,
            "of": derivation_from(data["of"]) if data["of"] else None,
        }
    )


def feature_from(data: Mapping[str, Any]) -> Feature:
    """Rebuild a feature from an artefact."""
    return Feature(
        name=data["name"],
        derivation=derivation_from(data["derivation"]),
        direction=data["direction"],
        reason=(data["reason"][0], data["reason"][1]),
        strength=(data["strength"][0], data["strength"][1]),
        shown=data["shown"],
        subject=(data["subject"][0], data["subject"][1]),
    )


def lever_from(data: Mapping[str, Any]) -> Lever:
    """Rebuild a lever from an artefact."""
    text, scales = data["text"], tuple(data["scales"])
    return Lever(**{**data, "text": (text[0], text[1]), "scales": scales})
