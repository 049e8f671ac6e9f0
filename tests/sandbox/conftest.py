"""A running sandbox for all tests here, put back to its beginning before each."""

import secrets
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.sandbox.serving import Client, free_port, sandbox_process


@pytest.fixture(scope="session")
def keys_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Fresh WeChat Pay keys: the sandbox's files, and the merchant's private key beside them."""
    folder = tmp_path_factory.mktemp("keys")
    for party in ("platform", "merchant"):
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        (folder / f"wechat_{party}_private.pem").write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        (folder / f"wechat_{party}_public.pem").write_bytes(
            key.public_key().public_bytes(
                serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
            )
        )
    (folder / "wechat_apiv3.key").write_text(secrets.token_hex(16))
    return folder


@pytest.fixture(scope="session")
def sandbox_port(keys_dir: Path) -> Iterator[int]:
    port = free_port()
    with sandbox_process(port, keys_dir=keys_dir):
        yield port


@pytest.fixture
async def city(sandbox_port: int) -> AsyncIterator[Client]:
    """A client of the sandbox, which begins afresh."""
    async with Client(sandbox_port) as client:
        assert (await client.post("/_control/reset"))[0] == 204
        yield client
