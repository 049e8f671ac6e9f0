"""A data set's specification: what its columns are, when each is known, and what is made of them.

The engine knows no data set; a spec binds it to one. `check` is the first leak guard: a feature
may stand only on columns that exist when the application is made.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from credit.engine.presence import status_field
from credit.engine.scale import Scale
from credit.engine.schema import USABLE, Column, Derivation, Feature, Kind, Known, Lever, Part
from credit.storage.errors import CreditError
from credit.storage.files import TableForm


class SpecError(CreditError):
    """A specification that contradicts itself; the message is one line."""


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
    drift_years: float = 2.0
    """How far ahead the base rate's trend is carried at most, its pull damped on the way."""
    ahead_years: int = 1
    """How many years ahead candidates are judged: as far as their outcomes take to come in."""


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
    """The column that names a loan; empty: its number in the file."""
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
    file: TableForm = field(default_factory=TableForm)
    """How its files are written."""

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
    """Raises LeakError naming every feature that stands on a column known too late, SpecError for
    what is declared nowhere or as something else."""
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
    _check_roles(spec)
    for feature in spec.features:
        _check_kinds(spec, feature.name, feature.derivation)


def _check_roles(spec: Spec) -> None:
    declared = {column.name: column for column in spec.columns}
    roles = [("label", spec.label, Kind.TEXT), ("id", spec.id, Kind.TEXT)]
    roles += [("date", spec.date or "", Kind.DATE), ("year", spec.year or "", Kind.NUMBER)]
    roles += [("weight", spec.weight or "", Kind.NUMBER)]
    roles += [(f"lever {lever.column}", lever.column, Kind.NUMBER) for lever in spec.levers]
    for role, name, kind in roles:
        if name and (name not in declared or declared[name].kind is not kind):
            raise SpecError(f"spec {spec.name}: its {role} {name!r} is no column of kind {kind}")
    if spec.language not in ("zh", "en"):
        raise SpecError(f"spec {spec.name}: language must be zh or en, not {spec.language!r}")
    if spec.horizon_months is not None and spec.horizon_months < 1:
        raise SpecError(f"spec {spec.name}: horizon_months must be at least 1")


def _check_kinds(spec: Spec, name: str, derivation: Derivation) -> None:
    """A number made of texts, or a category of numbers, is a slip in the declaration."""
    on_text = derivation.form in ("codes", "differs", "effect", "profile")
    own = {*derivation.columns, *(part.column for level in derivation.levels for part in level)}
    wanted = Kind.TEXT if on_text else Kind.NUMBER
    for column in sorted(own):
        if spec.column(column).kind is not wanted:
            raise SpecError(
                f"spec {spec.name}: feature {name}, form {derivation.form}, needs column {column} "
                f"to be a {wanted}"
            )
    if derivation.of is not None:
        _check_kinds(spec, name, derivation.of)


def _plain_feature(column: Column) -> Feature:
    if column.kind is Kind.TEXT:
        derivation = Derivation("effect", levels=((Part(column.name),),))
    else:
        derivation = Derivation("number", columns=(column.name,))
    text = (f"{column.name} 的取值", f"value of {column.name}")
    return Feature(column.name, derivation, 0, text, text)
