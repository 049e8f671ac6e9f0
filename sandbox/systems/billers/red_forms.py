"""The books of red-letter forms, and what has become of each by the clock."""

from datetime import datetime, timedelta

from sandbox.server.state import Row
from sandbox.server.system import City
from sandbox.systems.billers.tariff import Utility

SCHEMA = """
CREATE TABLE biller_red_invoice (
    kind TEXT NOT NULL, red_ref TEXT NOT NULL, invoice_no TEXT NOT NULL, reason TEXT NOT NULL,
    awaits_buyer INTEGER NOT NULL, requested_at TEXT NOT NULL, red_invoice_no TEXT NOT NULL UNIQUE,
    agreed INTEGER, answered_at TEXT, PRIMARY KEY (kind, red_ref)
);
"""
ISSUED_AFTER = timedelta(seconds=2)
CONFIRM_WITHIN = timedelta(hours=72)


def is_cancelled(city: City, invoice_no: str) -> bool:
    """Whether a red-letter invoice has cancelled an invoice."""
    return any(is_issued(city, one) for one in list_of(city, invoice_no))


def find(city: City, utility: Utility, red_ref: str) -> Row | None:
    """A form by its reference."""
    query = "SELECT * FROM biller_red_invoice WHERE kind = ? AND red_ref = ?"
    return city.state.one(query, (utility.kind, red_ref))


def list_of(city: City, invoice_no: str) -> list[Row]:
    """The forms of an invoice."""
    return city.state.all("SELECT * FROM biller_red_invoice WHERE invoice_no = ?", (invoice_no,))


def form_state(city: City, red: Row) -> str:
    """By the tax authority's numbers: 01 nothing to confirm, 02 the buyer's to confirm, 04 both
    have, 05 the buyer denied it, 07 nobody did within 72 hours."""
    if not red["awaits_buyer"]:
        return "01"
    if red["agreed"] is not None:
        return "04" if red["agreed"] else "05"
    lapses_at = datetime.fromisoformat(red["requested_at"]) + CONFIRM_WITHIN
    return "02" if city.now() < lapses_at else "07"


def issued_at(red: Row) -> datetime:
    """When the red-letter invoice of a confirmed form is issued."""
    return datetime.fromisoformat(red["answered_at"] or red["requested_at"]) + ISSUED_AFTER


def is_issued(city: City, red: Row) -> bool:
    """Whether the red-letter invoice of a form is there."""
    return form_state(city, red) in ("01", "04") and city.now() >= issued_at(red)
