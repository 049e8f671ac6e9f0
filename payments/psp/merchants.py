"""Who we are at a PSP: a section of UPSTREAMS_FILE, or the sandbox's merchant."""

import tomllib
from typing import TypeVar

from core.settings import Settings

M = TypeVar("M")


def read_merchant(settings: Settings, section: str, sandbox: M) -> M:
    """The merchant of a section, whose members are named as the fields of its dataclass.

    Outside production a section without them means the sandbox's merchant. Raises ValueError in
    production for one that lacks a member.
    """
    if settings.upstreams_file is None:
        return sandbox
    entry = tomllib.loads(settings.upstreams_file.read_text(encoding="utf-8")).get(section, {})
    members = tuple(getattr(type(sandbox), "__dataclass_fields__"))  # noqa: B009
    missing = [name for name in members if name not in entry]
    if missing and settings.is_production:
        raise ValueError(f"UPSTREAMS_FILE, [{section}]: {', '.join(missing)} missing")
    return sandbox if missing else type(sandbox)(**{name: entry[name] for name in members})
