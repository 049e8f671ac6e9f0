"""The address of a file about a person; see core.people.personal_files."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated


@dataclass(frozen=True, slots=True)
class FileLink:
    """Where a file can be fetched for some minutes."""

    url: Annotated[str, "Its address on this server, with all that is needed to open it."]
    expires_at: Annotated[datetime, "When the address ends."]
