"""The city's decisions on health, read from `cities/<city>/health.toml`."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from core.city import CityFileError
from core.context.app import App
from core.texts import Named


@dataclass(frozen=True, slots=True)
class HealthRules:
    """Everything the city decided. Hospitals and clinics are the codes they are reached under."""

    hospitals: Mapping[str, Named]
    """Their names by code, in the city's order."""
    clinics: Sequence[str]
    dose_interval: timedelta
    """Between two doses of one vaccine."""
    teams: Mapping[str, Named]
    """The names of the family doctors' teams by code, in the city's order."""
    emergency_number: str
    """Whom to call when life is in danger."""


def rules_of(app: App) -> HealthRules:
    """The rules of the installation's city. Raises CityFileError."""
    return app.once(
        "health.rules", lambda: load_rules(app.settings.city_file.with_suffix("") / "health.toml")
    )


def load_rules(path: Path) -> HealthRules:
    """Read the file. Raises CityFileError naming what is wrong."""
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
        return HealthRules(
            hospitals=_named(data["hospital"]),
            clinics=[str(ref) for ref in data["vaccination"]["clinics"]],
            dose_interval=timedelta(days=data["vaccination"]["interval_days"]),
            teams=_named(data["family_doctor_team"]),
            emergency_number=str(data["emergency_number"]),
        )
    except FileNotFoundError:
        raise CityFileError(f"no health decisions at {path}") from None
    except (KeyError, TypeError, ValueError) as error:
        raise CityFileError(f"{path}: {error}") from None


def _named(entries: Sequence[Mapping[str, Any]]) -> Mapping[str, Named]:
    return {str(entry["ref"]): Named(**entry["name"]) for entry in entries}


def hospitals_of(app: App) -> Mapping[str, Named]:
    """The connected hospitals' names by code. Raises CityFileError."""
    return rules_of(app).hospitals


def hospital_name(app: App, hospital_ref: str) -> Named:
    """A hospital's name; its code where it is connected no more."""
    return hospitals_of(app).get(hospital_ref) or Named(hospital_ref, hospital_ref)
