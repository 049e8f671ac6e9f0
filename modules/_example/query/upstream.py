"""The registry; its contract belongs into docs/upstreams/."""

from core.upstream.operation import System, json_of
from kinds.lookup import record_operation
from modules._example.query.domain import ExampleQueryRecord

REGISTRY = System("example_query")

find_record = record_operation(
    REGISTRY, "find_record", "/records/query", json_of(ExampleQueryRecord).or_none(404)
)
"""None where the person has no record."""
