"""What stands of an event that one or two cases tell of, after all that was decided on them.

Each case has its last word. A posting stands until another takes its place, or until no case says
it any more; what a payer or payee has had stands for good, and only what the figures differ from
it since can be posted beside it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import UUID

from payments.events import Oddity
from payments.reconciliation.domain import BreakKind, CorrectionKind
from payments.reconciliation.models import Case, Correction

REPLACEABLE = (CorrectionKind.WRITE_OFF, CorrectionKind.COST, CorrectionKind.SUSPENSE)
"""What they post is between our own accounts and the other side's alone, and can be undone."""

_ALONE = (
    BreakKind.MISSING_HERE,
    BreakKind.DUPLICATE,
    Oddity.FOREIGN_REFUND,
    Oddity.SECOND_CAPTURE,
    Oddity.OTHER_AMOUNT,
)


class Figures(NamedTuple):
    """What the two sides have of a difference, in fen; None where a side has nothing of it."""

    our_fen: int | None
    their_fen: int | None

    @classmethod
    def of(cls, row: Case | Correction) -> "Figures":
        """As a case has them, or as they were when a correction was proposed."""
        return cls(row.our_fen, row.their_fen)

    def difference_fen(self, *, is_refund: bool) -> int:
        """What the ledger has above the other side, of a refund below it."""
        fen = (self.our_fen or 0) - (self.their_fen or 0)
        return -fen if is_refund else fen


def counted(case: Case, figures: Figures) -> Figures:
    """What counts of a case's figures: of what one side alone has, or has once more, its own."""
    return figures._replace(our_fen=None) if case.kind in _ALONE else figures


@dataclass(frozen=True, slots=True)
class Decision:
    """An approved correction, and the figures that counted."""

    id: UUID
    case_id: int
    kind: CorrectionKind
    figures: Figures

    def is_same_as(self, other: "Decision | None") -> bool:
        """Whether both post the same."""
        return other is not None and (self.kind, self.figures) == (other.kind, other.figures)


@dataclass(frozen=True, slots=True)
class Standing:
    """`final`: what a payer or payee has had. `posted`: what can still be undone."""

    final: Decision | None = None
    posted: Decision | None = None
    last: Mapping[int, Decision] = field(default_factory=dict)
    """By case."""

    def after(self, made: Decision) -> "Standing":
        """What stands once this is decided, too."""
        last = {**self.last, made.case_id: made}
        if made.kind == CorrectionKind.NO_POSTING:
            kept = self.posted and any(one.kind == self.posted.kind for one in last.values())
            return Standing(self.final, self.posted if kept else None, last)
        if made.kind in REPLACEABLE:
            posted = self.posted if made.is_same_as(self.posted) else made
            return Standing(self.final, posted, last)
        return Standing(self.final or made, None, last)

    def allows(self, made: Decision) -> bool:
        """Whether it can be decided: what stands for good is not decided otherwise, but a later
        difference from it can be written off, or where none of the money is ours, left alone."""
        if self.final is None or made.is_same_as(self.final):
            return True
        is_other = made.figures != self.final.figures
        if made.kind == CorrectionKind.NO_POSTING:
            return is_other or made.case_id != self.final.case_id
        return made.kind == CorrectionKind.WRITE_OFF and is_other


def stand(event: Sequence[Case], approved: Iterable[Correction]) -> Standing:
    """What stands of an event, by its cases and their approved corrections as they were decided."""
    cases = {case.id: case for case in event}
    standing = Standing()
    for row in approved:
        standing = standing.after(decision(cases[row.case_id], row))
    return standing


def decision(case: Case, row: Correction) -> Decision:
    """A correction of a case."""
    return Decision(row.id, case.id, CorrectionKind(row.kind), counted(case, Figures.of(row)))
