"""What the probes tell."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID


@dataclass(frozen=True, slots=True)
class ThingHappened:
    """An event with every kind of field that events carry."""

    thing_id: UUID
    amount_fen: int
    happened_at: datetime
    due_on: date
    note: str | None

    def told(self) -> str:
        """Every field, as the field's own type writes it."""
        at, on = self.happened_at.isoformat(), self.due_on.isoformat()
        return f"{self.thing_id.hex} {self.amount_fen:d} {at} {on} {self.note}"
