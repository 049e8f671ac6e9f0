"""The catalogue: every service of the city as one line of a table, checked when it is read."""

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from core.assurance import ASKABLE, Assurance
from core.errors import StartError


class Theme(StrEnum):
    """The themes of the city's services: GOVERNMENT affairs, MOBILITY, HEALTH, COMMUNITY, LOVE_CITY
    (livelihood: insurance, bills, housing), SAFETY and environment, FINANCE.
    """

    GOVERNMENT = "GOVERNMENT"
    MOBILITY = "MOBILITY"
    HEALTH = "HEALTH"
    COMMUNITY = "COMMUNITY"
    LOVE_CITY = "LOVE_CITY"
    SAFETY = "SAFETY"
    FINANCE = "FINANCE"


class ServiceKind(StrEnum):
    """What a service does for the citizen. QUERY: look something up. APPLICATION: apply for
    something. APPOINTMENT: book. PAYMENT: pay. SUBSCRIPTION: be told of news. REPORT: tell the
    city.
    """

    QUERY = "QUERY"
    APPLICATION = "APPLICATION"
    APPOINTMENT = "APPOINTMENT"
    PAYMENT = "PAYMENT"
    SUBSCRIPTION = "SUBSCRIPTION"
    REPORT = "REPORT"


class ServiceStatus(StrEnum):
    """LIVE: it works end to end. PLANNED: announced, not there yet."""

    LIVE = "LIVE"
    PLANNED = "PLANNED"


@dataclass(frozen=True, slots=True)
class Service:
    """One tile of the catalogue. `department` is a key of the city file's departments."""

    number: int
    id: str
    name_zh: str
    name_en: str
    theme: Theme
    kind: ServiceKind
    department: str
    identity_level: int
    status: ServiceStatus = ServiceStatus.PLANNED
    fresh_auth: bool | None = None
    """Whether it needs an authentication of the last minutes; None = money and health records."""
    assurance: Assurance | None = None
    """By what the real name must have been proved, or by something stronger; None = by a typed
    pair."""
    for_others: bool = False
    """Whether a guardian or proxy may use it for somebody: then its fields take `onBehalfOf`."""

    @property
    def needs_fresh_auth(self) -> bool:
        """Whether an old session must prove again who is there."""
        if self.fresh_auth is not None:
            return self.fresh_auth
        is_health_record = self.theme is Theme.HEALTH and self.identity_level == 2
        return self.kind is ServiceKind.PAYMENT or is_health_record


COLUMNS = (
    "number", "id", "name_zh", "name_en", "theme", "kind", "department", "identity_level", "status",
    "fresh_auth", "assurance", "for_others", "folder",
)  # fmt: skip
"""The table's columns: a service's own, and the folder of the module or wing that it belongs to."""

_YES_NO = {"yes": True, "no": False}
_LEVELS = {"0": 0, "1": 1, "2": 2}


def read_services(file: Path, folders: Iterable[str]) -> Mapping[str, list[Service]]:
    """The services of a table (CSV, UTF-8, `COLUMNS` in its first line) by folder.

    An empty cell stands for the column's default. Raises StartError, with the line, for a table of
    other columns, a folder that is not among `folders`, and whatever is no theme, kind, status,
    identity level, proof to ask for, or yes or no.
    """
    services: dict[str, list[Service]] = {folder: [] for folder in folders}
    with file.open(encoding="utf-8", newline="") as stream:
        reader = csv.DictReader(stream)
        if tuple(reader.fieldnames or ()) != COLUMNS:
            raise StartError(f"{file.name}: its columns are to be {', '.join(COLUMNS)}")
        for row in reader:
            where = f"{file.name}, line {reader.line_num}"
            if None in row or None in row.values():
                raise StartError(f"{where}: {len(COLUMNS)} cells are to be there")
            folder = row.pop("folder")
            if folder not in services:
                raise StartError(f"{where}: no module or wing is named {folder!r}")
            services[folder].append(_service(row, where))
    return services


def _service(row: Mapping[str, str], where: str) -> Service:
    cells = {column: cell for column, cell in row.items() if cell}
    try:
        return Service(
            number=int(row["number"]),
            id=cells["id"],
            name_zh=cells["name_zh"],
            name_en=cells["name_en"],
            theme=Theme(row["theme"]),
            kind=ServiceKind(row["kind"]),
            department=cells["department"],
            identity_level=_LEVELS[row["identity_level"]],
            status=ServiceStatus(cells.get("status", ServiceStatus.PLANNED)),
            fresh_auth=_YES_NO[cells["fresh_auth"]] if "fresh_auth" in cells else None,
            assurance=_assurance(cells.get("assurance"), row["identity_level"]),
            for_others=_YES_NO[cells.get("for_others", "no")],
        )
    except ValueError as error:
        raise StartError(f"{where}: {error}") from None
    except KeyError as error:
        raise StartError(f"{where}: {error} is missing, or no level and no yes or no") from None


def _assurance(cell: str | None, level: str) -> Assurance | None:
    assurance = Assurance(cell) if cell else None
    if assurance is not None and assurance not in ASKABLE:
        raise ValueError(f"nobody can be sent for the proof {cell}")
    if assurance is not None and level != "2":
        raise ValueError("a proof is asked for at level 2 alone")
    return assurance
