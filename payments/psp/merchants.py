"""Who we are at a PSP: a section of UPSTREAMS_FILE, or the sandbox's merchant."""

from typing import TypeVar

from core.errors import StartError
from core.settings import Settings
from core.upstream.addresses import read_entries

M = TypeVar("M")


def read_merchant(settings: Settings, section: str, sandbox: M) -> M:
    """The merchant of a section, whose members are named as the fields of its dataclass.

    Outside production a section without them means the sandbox's merchant. Raises StartError in
    production for one that lacks a member.
    """
    entry = read_entries(settings).get(section, {})
    members = tuple(getattr(type(sandbox), "__dataclass_fields__"))  # noqa: B009
    missing = [name for name in members if name not in entry]
    if missing and settings.is_production:
        raise StartError(f"UPSTREAMS_FILE, [{section}]: {', '.join(missing)} missing")
    return sandbox if missing else type(sandbox)(**{name: entry[name] for name in members})
