"""The city's decisions on health, read from `cities/<city>/health.toml`."""

import tomllib
from collections.abc import Mapping
from pathlib import Path

from core.city import CityFileError, Named
from core.context.app import App


def hospitals_of(app: App) -> Mapping[str, Named]:
    """The connected hospitals' names by code, in the city's order. Raises CityFileError."""
    return app.once(
        "health.hospitals",
        lambda: load_hospitals(app.settings.city_file.with_suffix("") / "health.toml"),
    )


def load_hospitals(path: Path) -> Mapping[str, Named]:
    """Read the file. Raises CityFileError naming what is wrong."""
    try:
        entries = tomllib.loads(path.read_text(encoding="utf-8"))["hospital"]
        return {str(entry["ref"]): Named(**entry["name"]) for entry in entries}
    except FileNotFoundError:
        raise CityFileError(f"no health decisions at {path}") from None
    except (KeyError, TypeError, ValueError) as error:
        raise CityFileError(f"{path}: {error}") from None


def hospital_name(app: App, hospital_ref: str) -> Named:
    """A hospital's name; its code where it is connected no more."""
    return hospitals_of(app).get(hospital_ref) or Named(hospital_ref, hospital_ref)
