"""Keys and data belong together: who holds other keys than the database's does not start."""

import secrets

import pytest

from core.context.app import App
from core.database import connection, fetch_all
from core.errors import StartError
from core.security.key_proofs import check_keys, retire_data_keys
from core.security.vault import Vault

INDEX, FIRST, SECOND = (secrets.token_bytes(32) for _ in range(3))
HOUSE = Vault({1: FIRST}, INDEX)


@pytest.fixture(autouse=True)
async def filled(app: App) -> None:
    """A database that was filled under the house's keys."""
    await connection().execute_query("DELETE FROM core_key_proof")
    await check_keys(HOUSE)


async def _names() -> list[str]:
    rows = await fetch_all(connection(), "SELECT name FROM core_key_proof ORDER BY name")
    return [row["name"] for row in rows]


async def test_the_same_keys_start_again_and_leave_nothing_new() -> None:
    await check_keys(HOUSE)
    assert await _names() == ["pii_data", "pii_index"]


@pytest.mark.parametrize(
    ("vault", "refusal"),
    [
        (Vault({1: FIRST}, SECOND), "key pii_index is not the one"),
        (Vault({1: SECOND}, INDEX), "key pii_data is not the one"),
        (Vault({2: SECOND}, INDEX), "key pii_data is missing"),
    ],
)
async def test_other_keys_are_refused_by_name_and_leave_no_proof(
    vault: Vault, refusal: str
) -> None:
    with pytest.raises(StartError, match=refusal):
        await check_keys(vault)
    assert await _names() == ["pii_data", "pii_index"]


async def test_a_further_key_is_needed_from_its_first_start_on() -> None:
    both = Vault({1: FIRST, 2: SECOND}, INDEX)
    await check_keys(both)
    with pytest.raises(StartError, match=r"key pii_data\.2 is missing"):
        await check_keys(HOUSE)
    with pytest.raises(StartError, match="key pii_data is missing"):
        await check_keys(Vault({2: SECOND}, INDEX))
    assert await retire_data_keys(both) == ["pii_data"]
    await check_keys(Vault({2: SECOND}, INDEX))
    assert await _names() == ["pii_data.2", "pii_index"]
