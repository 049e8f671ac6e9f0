"""The settings as environment variables and as tables for people."""

from typing import Any

from rich.table import Table
from rich.text import Text

from core.processes.preflight import without_password
from core.settings import Settings


def environment_of(settings: Settings) -> dict[str, str]:
    """The environment variables that say the same as the settings."""
    return {
        variable_of(name): str(getattr(settings, name))
        for name in Settings.model_fields
        if getattr(settings, name) is not None
    }


def variable_of(name: str) -> str:
    """The environment variable of a setting."""
    alias = Settings.model_fields[name].validation_alias
    return alias if isinstance(alias, str) else name.upper()


def markdown_table() -> str:
    """Every setting with default and meaning: the content of docs/settings.md."""
    lines = ["| variable | default | meaning |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        default = "" if field.default is None else f"`{field.default}`"
        lines.append(f"| `{variable_of(name)}` | {default} | {field.description} |")
    return "\n".join(lines)


def rich_table(settings: Settings) -> Table:
    """Every setting with its present value, passwords hidden."""
    table = Table("variable", "value", "meaning", box=None)
    for name, field in Settings.model_fields.items():
        table.add_row(variable_of(name), _shown(getattr(settings, name)), field.description)
    return table


def _shown(value: Any) -> str | Text:
    if value is None:
        return Text("unset", "dim")
    text = str(value)
    return without_password(text) if "://" in text else text
