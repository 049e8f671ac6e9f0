"""Keys and data belong together: a process refuses a database that was filled under other keys.

Without this nobody would notice: look-ups by another index key find nobody, and every citizen gets
a new, empty account. The database holds what each key makes of one known text, from the first
start with that key on.
"""

import hmac
from collections.abc import Mapping

from core.database import connection, fetch_all
from core.errors import StartError
from core.security.vault import Vault, VaultError

_TEXT = "quancheng"
_PURPOSE = "core.key_proof"
_INDEX = "pii_index"
_DATA = "pii_data"


async def check_keys(vault: Vault) -> None:
    """Compare the vault's keys with the database's proofs; a key that is new leaves its own.

    Raises StartError that names the key that is missing or another one.
    """
    proofs = await _proofs()
    held = {_INDEX, *(_data_key(number) for number in vault.numbers)}
    for name in sorted(proofs.keys() - held):
        raise StartError(
            f"key {name} is missing: the database holds data under it (see `quancheng keys retire`)"
        )
    for name, proof in proofs.items():
        if not _is_of(vault, name, proof):
            raise StartError(f"key {name} is not the one under which the database was filled")
    for name in sorted(held - proofs.keys()):
        await connection().execute_query(
            "INSERT INTO core_key_proof (name, proof) VALUES ($1, $2) ON CONFLICT DO NOTHING",
            [name, _proof(vault, name)],
        )


async def retire_data_keys(vault: Vault) -> list[str]:
    """Forget the proofs of all data keys but the newest; returns the names of their keys.

    For whoever has seen that no value stands under them any more.
    """
    rows = await fetch_all(
        connection(),
        "DELETE FROM core_key_proof WHERE NOT (name = ANY($1::text[])) RETURNING name",
        [_INDEX, _data_key(vault.newest)],
    )
    return sorted(row["name"] for row in rows)


async def _proofs() -> Mapping[str, bytes]:
    rows = await fetch_all(connection(), "SELECT name, proof FROM core_key_proof")
    return {row["name"]: bytes(row["proof"]) for row in rows}


def _data_key(number: int) -> str:
    """The name of the key's file, without its ending."""
    return _DATA if number == 1 else f"{_DATA}.{number}"


def _proof(vault: Vault, name: str) -> bytes:
    if name == _INDEX:
        return vault.blind_index(_TEXT, _PURPOSE)
    number = next(number for number in vault.numbers if _data_key(number) == name)
    return vault.encrypt(_TEXT, _PURPOSE, number=number)


def _is_of(vault: Vault, name: str, proof: bytes) -> bool:
    if name == _INDEX:
        return hmac.compare_digest(proof, vault.blind_index(_TEXT, _PURPOSE))
    try:
        return vault.decrypt(proof, _PURPOSE) == _TEXT
    except VaultError:
        return False
