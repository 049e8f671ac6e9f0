"""What the registry knows of a person."""

from dataclasses import dataclass
from datetime import date
from typing import Annotated


@dataclass(frozen=True, slots=True)
class ExampleQueryRecord:
    """A person's record at the registry."""

    record_no: Annotated[str, "The record's number."]
    status: Annotated[str, "The record's state at the registry."]
    valid_until: Annotated[date, "The last day on which it is valid."]
