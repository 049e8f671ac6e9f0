"""A data set's specification: what its columns are, when each is known, and what is made of them.

The engine knows no data set; a spec binds it to one. `check` is the first leak guard: a feature
may stand only on columns that exist when the application is made.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from credit.engine.presence import status_field
from credit.engine.scale import Scale
from credit.engine.schema import USABLE, Column, Derivation, Feature, Kind, Known, Lever, Part
from credit.errors import CreditError


class LeakError(CreditError):
    """A feature rests on something that is known only after the application."""


@dataclass(frozen=True)
class Group:
    """A division of applicants for the fairness report: a category key, or bands of a number."""

    name: str
    title: tuple[str, str]
    key: tuple[Part, ...] = ()
    column: str = ""
    bands: tuple[float, ...] = ()


@dataclass(frozen=True)
class Fit:
    """How the champion is fitted. Years are of the spec's own year column."""

    rounds: int = 500
    depth: int = 4
    learning_rate: float = 0.05
    bags: int = 3
    max_bin: int = 32
    min_child_weight: float = 20.0
    l2: float = 5.0
    row_share: float = 0.7
    column_share: float = 0.5
    pairs_only: bool = True
    half_life_years: float = 2.0
    effect_prior: float = 5.0
    profile_years: int = 6
    drift_years: float = 1.0
    """How far ahead the base rate's trend is carried. Over ten rolling origins of the SBA loans
    (1994 to 2003) the Brier scores of the three years after averaged 0.0949, 0.0948 and 0.0949 for
    0, ½ and 1 year, worse beyond; of equals, the one that errs towards caution as rates rise."""


@dataclass(frozen=True)
class Spec:
    """Everything the engine must be told about a data set."""

    name: str
    title: tuple[str, str]
    language: str
    columns: tuple[Column, ...]
    features: tuple[Feature, ...]
    label: str
    bad: frozenset[str]
    good: frozenset[str]
    id: str
    outcome: tuple[str, str] = ("", "")
    """What "bad" means, in words (Chinese, English)."""
    horizon_months: int | None = None
    """Months after the application within which "bad" counts; None: at any time."""
    weight: str | None = None
    date: str | None = None
    year: str | None = None
    strata: tuple[str, ...] = ()
    levers: tuple[Lever, ...] = ()
    groups: tuple[Group, ...] = ()
    scale: Scale = field(default_factory=Scale)
    fit: Fit = field(default_factory=Fit)
    simulated: bool = False

    def column(self, name: str) -> Column:
        """Raises LeakError for a column whose moment of knowledge nobody has declared."""
        for column in self.columns:
            if column.name == name:
                return column
        raise LeakError(
            f"column {name} is not declared in spec {self.name}: say when it becomes known"
        )

    def needed(self) -> frozenset[str]:
        """Columns that a decision reads: the features' and the levers'."""
        sources: set[str] = {lever.column for lever in self.levers}
        for feature in self.features:
            sources |= feature.derivation.sources()
        return frozenset(sources)

    def spare(self) -> frozenset[str]:
        """Columns known at application that no feature uses; a file may lack them."""
        usable = {column.name for column in self.columns if column.known in USABLE}
        return frozenset(usable - self.needed())

    def training_columns(self) -> tuple[Column, ...]:
        """Columns that training and evaluation read, if only for the peers' sake."""
        names = set(self.needed()) | self.spare() | {self.label, self.id} | set(self.strata)
        names |= {name for name in (self.weight, self.date, self.year) if name}
        for group in self.groups:
            names |= {part.column for part in group.key} | ({group.column} - {""})
        return tuple(column for column in self.columns if column.name in names)

    def fields(self) -> frozenset[str]:
        """Every field to read of a training file: columns, and the status of their sources."""
        columns = (*self.training_columns(), *self.after_columns())
        sources = {column.source for column in columns} - {""}
        return frozenset({column.name for column in columns} | set(map(status_field, sources)))

    def after_columns(self) -> tuple[Column, ...]:
        """Outcome-contaminated columns: they may stand in the file, never in a feature."""
        return tuple(
            column
            for column in self.columns
            if column.known is Known.AFTER and column.kind is Kind.NUMBER
        )

    def with_columns(self, names: Iterable[str]) -> "Spec":
        """The spec with further plain features, one per named column.

        Raises LeakError, through `check`, where a column is not known at application.
        """
        extra = tuple(_plain_feature(self.column(name)) for name in names)
        wider = replace(self, features=self.features + extra)
        check(wider)
        return wider


def check(spec: Spec) -> None:
    """Raises LeakError naming every feature that stands on a column known too late."""
    faults = []
    for feature in spec.features:
        for name in sorted(feature.derivation.sources()):
            known = spec.column(name).known
            if known not in USABLE:
                faults.append(
                    f"feature {feature.name} uses column {name}, which is known only as: {known}"
                )
    if faults:
        raise LeakError("refused: " + "; ".join(faults))


def _plain_feature(column: Column) -> Feature:
    if column.kind is Kind.TEXT:
        derivation = Derivation("effect", levels=((Part(column.name),),))
    else:
        derivation = Derivation("number", columns=(column.name,))
    text = (f"{column.name} 的取值", f"value of {column.name}")
    return Feature(column.name, derivation, 0, text, text)
