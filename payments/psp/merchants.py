"""Who we are at a PSP: a section of UPSTREAMS_FILE, or the sandbox's merchant."""

from dataclasses import MISSING, fields
from typing import TypeVar

from core.errors import StartError
from core.settings import Settings
from core.upstream.addresses import read_entries

M = TypeVar("M")


def read_merchant(settings: Settings, section: str, sandbox: M) -> M:
    """The merchant of a section, whose members are named as the fields of its dataclass.

    Those with a default may be left out. Outside production a section without the others means the
    sandbox's merchant. Raises StartError in
    production for one that lacks a member.
    """
    entry = read_entries(settings).get(section, {})
    members = fields(type(sandbox))  # type: ignore[arg-type]
    missing = [m.name for m in members if m.default is MISSING and m.name not in entry]
    if missing and settings.is_production:
        raise StartError(f"UPSTREAMS_FILE, [{section}]: {', '.join(missing)} missing")
    if missing:
        return sandbox
    return type(sandbox)(**{m.name: entry[m.name] for m in members if m.name in entry})
