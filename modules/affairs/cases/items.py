"""What an application needs to know of a government item: its form, its papers, who examines it.

The city's file `applications/items.toml` has some items until the registry answers for all.
"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter

from core.context.app import App
from core.texts import Named
from kinds.application.definition import Field, Material


@dataclass(frozen=True, slots=True)
class ApplicationItem:
    """An item that can be applied for. `stages` are the departments that examine it, stage after
    stage, those of a stage at the same time; `days` the working days that are promised."""

    code: str
    title: Named
    unit: str
    stages: Sequence[Sequence[str]]
    days: int
    form: Sequence[Field] = ()
    materials: Sequence[Material] = ()
    exclusive: bool = False
    four_eyes: bool = False


_ITEMS = TypeAdapter(list[ApplicationItem])


async def find_item(app: App, code: str) -> ApplicationItem | None:
    """An item in force by its code of 31 characters; None for one that is unknown or withdrawn."""
    return app.once("affairs.items", lambda: _read(app)).get(code)


def _read(app: App) -> Mapping[str, ApplicationItem]:
    path = app.settings.city_file.with_suffix("") / "applications" / "items.toml"
    data: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    return {item.code: item for item in _ITEMS.validate_python(data["items"])}
