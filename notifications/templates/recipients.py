"""Who a message goes to: a person with an account, or a bare phone."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias
from uuid import UUID

from core.people.directory import Person
from core.security.vault import Vault
from core.texts import Locale

PHONE = "notifications.phone"


@dataclass(frozen=True, slots=True, repr=False)
class Phone:
    """A phone that need not belong to anyone; what goes there is in no inbox."""

    number: str
    locale: Locale = Locale.ZH


@dataclass(frozen=True, slots=True)
class Member:
    """A person with an account of whom no more is known than a message needs."""

    id: UUID
    locale: str


Recipient: TypeAlias = Person | Member | Phone


@dataclass(frozen=True, slots=True, repr=False)
class Parcel:
    """One message of several that are sent together."""

    to: Recipient
    params: Mapping[str, object]
    key: str | None = None
    """Its own business key, where it is not that of all."""


def locale_of(to: Recipient) -> Locale:
    """The language that somebody is spoken to in."""
    return to.locale if isinstance(to, Phone) else Locale(to.locale)


def name_of(vault: Vault, to: Recipient) -> str:
    """What stands for somebody in the id of a message; of a phone its blind index."""
    if isinstance(to, Phone):
        return f"tel:{vault.blind_index(to.number, PHONE).hex()}"
    return str(to.id)
