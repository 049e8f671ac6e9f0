"""What is asked about somebody, and on which consent."""

from core.people.personal_read import Purpose
from kinds.lookup import PersonalLookup
from modules._example.query import texts
from modules._example.query.upstream import REGISTRY, find_record

PURPOSE = Purpose(
    id="example-query",
    upstream=REGISTRY.name,
    fields=("record",),
    text=texts.CONSENT,
    text_version="2026-11",
)
LOOKUP = PersonalLookup("example-query", PURPOSE, find_record)
"""A None inside a LIVE reading means that there is no record."""
