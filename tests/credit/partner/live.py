"""The API on a real port at the real time, for clients that we have not written."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from core.clock import ManualClock
from core.settings import Settings
from tests.asgi import Client
from tests.sandbox.serving import free_port
from tests.served import served

from .a_bank import ABank, register


def at_free_port(settings: Settings) -> Settings:
    """Settings of a process whose public address is a port that nobody has."""
    return settings.model_copy(update={"port": free_port()})


@asynccontextmanager
async def live_bank(client: Client, clock: ManualClock, bank_id: str) -> AsyncIterator[ABank]:
    """A registered bank and the served API at its `base`, for as long as the block lasts."""
    app = client.app
    clock.move(datetime.now(UTC) - clock.now())
    bank = await register(app, ABank(bank_id, clock, base=app.settings.base_url))
    async with served(client.asgi, at=app.settings.port):
        yield bank


def write_key(bank: ABank, folder: Path) -> Path:
    """The bank's private key as a PEM file."""
    path = folder / "bank.pem"
    pem = bank.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(pem)
    return path
