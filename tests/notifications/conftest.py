"""An App with templates of every class and a push service in memory beside the real ones."""

from collections.abc import Mapping
from typing import Any

import pytest

from core.context.app import App
from core.manifest import Manifest, discover
from notifications.channels.gateways import GATEWAY
from tests.fakes import FakeSms
from tests.notifications.probe.providers import Recorder, recorder
from tests.upstreams import by_operation

PROBE = Manifest(
    name="probe", package="tests.notifications.probe", rooms=("audience", "messages", "providers")
)


@pytest.fixture(scope="session")
def manifests() -> tuple[Manifest, ...]:
    """Every manifest and the probe's."""
    return (*discover(examples=True), PROBE)


@pytest.fixture
def sms() -> FakeSms:
    """The SMS gateway."""
    return FakeSms()


@pytest.fixture
def upstreams(sms: FakeSms) -> Mapping[Any, Any]:
    """The outside systems of these tests."""
    return {**by_operation(sms, GATEWAY)}


@pytest.fixture
def push(app: App) -> Recorder:
    """The push service."""
    return recorder(app)
