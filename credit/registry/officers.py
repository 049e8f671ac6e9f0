"""Who may act in the registry: people known by a key, not by what they call themselves.

`officers.toml` is the installation's own file, one entry a person: `id` (a staff number, the
identity), `name`, `roles`, the public half of the person's Ed25519 key, and `until`, the last day
of an officer who has left. Entries of the registry are signed with the private half.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from credit.storage.errors import RegistryError
from credit.storage.seals import canonical, public_hex


class Duty(StrEnum):
    """What a person may do."""

    AUTHOR = "author"
    VALIDATOR = "validator"
    PROPOSER = "proposer"
    APPROVER = "approver"
    RISK = "risk"


@dataclass(frozen=True)
class Officer:
    """One person."""

    id: str
    name: str
    duties: frozenset[Duty]
    key: str
    until: date | None = None


@dataclass(frozen=True)
class Actor:
    """A person who acts now, proved by holding the key."""

    officer: Officer
    key: Ed25519PrivateKey

    def signature(self, payload: Mapping[str, Any]) -> str:
        """The person's signature under a payload, as hex."""
        return self.key.sign(canonical(payload)).hex()


@dataclass(frozen=True)
class Officers:
    """Everybody who may act, by id."""

    people: Mapping[str, Officer]

    def actor(self, key: Ed25519PrivateKey) -> Actor:
        """The person whose key this is. Raises RegistryError for a stranger's."""
        public = public_hex(key.public_key())
        for officer in self.people.values():
            if officer.key == public:
                return Actor(officer, key)
        raise RegistryError("this key belongs to no officer of the installation")

    def check(self, payload: Mapping[str, Any], signature: str, duty: Duty, on: date) -> None:
        """Raises RegistryError unless the payload's actor has the duty and signed it."""
        officer = self.people.get(str(payload["actor"]))
        if officer is None:
            raise RegistryError(f"{payload['actor']} is no officer of the installation")
        if duty not in officer.duties:
            raise RegistryError(f"officer {officer.id} may not act as {duty}")
        if officer.until is not None and on > officer.until:
            raise RegistryError(f"officer {officer.id} left on {officer.until}")
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(officer.key))
        try:
            key.verify(bytes.fromhex(signature), canonical(payload))
        except (InvalidSignature, ValueError):
            raise RegistryError(f"the signature of officer {officer.id} does not hold") from None


def read_officers(path: Path) -> Officers:
    """The officers of a file; nobody where there is none.

    Raises RegistryError for a file that cannot be read, and for two people with one id or key.
    """
    try:
        items = tomllib.loads(path.read_text(encoding="utf-8")).get("officers", [])
        found = [
            Officer(
                id=str(item["id"]),
                name=str(item["name"]),
                duties=frozenset(Duty(role) for role in item["roles"]),
                key=bytes.fromhex(item["key"]).hex(),
                until=item.get("until"),
            )
            for item in items
        ]
    except FileNotFoundError:
        return Officers({})
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise RegistryError(f"{path}: {error}") from error
    for field in ("id", "key"):
        values = [getattr(officer, field) for officer in found]
        if len(set(values)) < len(values):
            raise RegistryError(f"{path}: two officers have one {field}")
    return Officers({officer.id: officer for officer in found})


def entry_of(officer: Officer) -> str:
    """The officer as an entry of the file."""
    roles = ", ".join(f'"{duty}"' for duty in sorted(officer.duties))
    return (
        f'\n[[officers]]\nid = "{officer.id}"\nname = "{officer.name}"\n'
        f'roles = [{roles}]\nkey = "{officer.key}"\n'
    )
