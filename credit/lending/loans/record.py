"""Events of a loan as rows, and back."""

from collections.abc import Iterable
from uuid import UUID

from pydantic import TypeAdapter

from core.json import to_json
from credit.lending.loans.events import (
    Charged,
    Disbursed,
    LoanEvent,
    RateChanged,
    Repaid,
    Rescheduled,
    WrittenOff,
)
from credit.lending.records.models import LoanEventRow
from credit.lending.terms.money_terms import Terms

KINDS: dict[str, type[LoanEvent]] = {
    "disbursed": Disbursed,
    "rate_changed": RateChanged,
    "rescheduled": Rescheduled,
    "charged": Charged,
    "repaid": Repaid,
    "written_off": WrittenOff,
}
UNDO = "undo"
_NAMES = {event_class: name for name, event_class in KINDS.items()}
_ADAPTERS = {name: TypeAdapter(event_class) for name, event_class in KINDS.items()}
_TERMS = TypeAdapter(Terms)


def kind_of(event: LoanEvent) -> str:
    """The name under which an event is kept."""
    return _NAMES[type(event)]


def write_event(event: LoanEvent) -> str:
    """An event as it is kept."""
    adapter = _ADAPTERS[kind_of(event)]
    return to_json(adapter.dump_python(event, mode="json"), sort_keys=True).decode()


def read_events(rows: Iterable[LoanEventRow]) -> list[LoanEvent]:
    """The events that stand: what was undone is not among them."""
    rows = list(rows)
    undone = {row.undoes for row in rows if row.undoes}
    return [
        _ADAPTERS[row.kind].validate_json(row.body)
        for row in rows
        if row.kind != UNDO and row.ref not in undone
    ]


def write_terms(terms: Terms) -> str:
    """Terms as they are kept."""
    return to_json(_TERMS.dump_python(terms, mode="json"), sort_keys=True).decode()


def read_terms(text: str) -> Terms:
    """Terms as they were agreed."""
    return _TERMS.validate_json(text)


def row_values(loan_id: UUID, event: LoanEvent) -> dict[str, object]:
    """The columns of an event's row."""
    return {
        "loan_id": loan_id,
        "ref": event.ref,
        "kind": kind_of(event),
        "value_on": event.on,
        "body": write_event(event),
    }
