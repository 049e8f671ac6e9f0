"""The city's decisions on appointments, read from `cities/<city>/appointments.toml`."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import time, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

from core.app import App
from core.city import CityFileError
from modules.appointments.domain import CancelRule


@dataclass(frozen=True, slots=True)
class Policy:
    """What holds for every booking of one service."""

    hold: timedelta
    cancel: CancelRule


@dataclass(frozen=True)
class Rules:
    """Everything the city decided."""

    hospital_refs: tuple[str, ...]
    policies: Mapping[str, Policy]


def rules_of(app: App) -> Rules:
    """The rules of the installation's city. Raises CityFileError naming what is wrong."""
    return load_rules(app.settings.city_file.with_suffix("") / "appointments.toml")


@lru_cache(maxsize=8)
def load_rules(path: Path) -> Rules:
    """Read a rules file."""
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
        return Rules(
            hospital_refs=tuple(data["hospitals"]["refs"]),
            policies={name: _policy(entry) for name, entry in data["policies"].items()},
        )
    except FileNotFoundError:
        raise CityFileError(f"no appointment rules at {path}") from None
    except (KeyError, TypeError, ValueError) as error:
        raise CityFileError(f"{path}: {error}") from None


def _policy(entry: Mapping[str, Any]) -> Policy:
    cancel = entry["cancel"]
    return Policy(
        hold=timedelta(seconds=entry["hold_s"]),
        cancel=CancelRule(
            days_before=cancel.get("days_before", 0),
            at=time.fromisoformat(cancel["at"]) if "at" in cancel else None,
            before=timedelta(seconds=cancel.get("before_s", 0)),
        ),
    )
