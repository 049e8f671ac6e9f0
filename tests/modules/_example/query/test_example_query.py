"""The service as an app uses it: its own operation over the API, against the sandbox city.

Consent, trace, and a registry that is silent are the kind's: tests/kinds/test_lookups.py.
"""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from bff.trusted.documents import documents_of
from core.context.call import Call
from core.people.personal_read import grant_consent
from core.security.authentication import Viewer
from core.settings import Settings
from modules._example.query.lookup import PURPOSE
from tests.asgi import Client
from tests.sandbox.serving import Client as Sandbox

Read = Callable[[str | None], Awaitable[Any]]
pytestmark = pytest.mark.xdist_group("lookups")


@pytest.fixture
def settings(settings: Settings, sandbox_port: int) -> Settings:
    """Settings with which the App finds the sandbox."""
    return settings.model_copy(update={"sandbox_port": sandbox_port})


@pytest.fixture
def read(
    client: Client,
    sandbox: Sandbox,
    citizen: Callable[..., Awaitable[Viewer]],
    call: Callable[..., Call],
) -> Read:
    """What a demo person sees who has consented, or somebody whom the city does not know."""

    async def run(key: str | None) -> Any:
        viewer = await citizen(number=key and (await sandbox.person(key))["resident_id"])
        await grant_consent(call(user_id=viewer.user_id, level=2), PURPOSE.id, PURPOSE.text_version)
        document = documents_of(client.app.manifests).by_name["example-query"]
        return (await client.data(document.source, viewer=viewer))["exampleQuery"]

    return run


async def test_the_record_comes_whole(read: Read) -> None:
    answer = await read("citizen")
    assert (answer["status"], answer["reason"]) == ("LIVE", None)
    record = answer["record"]
    assert record["recordNo"].startswith("R")
    assert (record["status"], record["validUntil"][4:]) == ("VALID", "-12-31")


async def test_no_record_is_an_answer(read: Read) -> None:
    answer = await read(None)
    assert (answer["status"], answer["record"]) == ("LIVE", None)
