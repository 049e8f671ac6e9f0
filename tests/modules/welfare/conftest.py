"""People of the sandbox city with the consents of welfare."""

from collections.abc import Awaitable, Callable

import pytest

from core.context.app import App
from core.context.call import Call
from core.people.personal_read import grant_consent, list_purposes
from core.security.authentication import Viewer
from tests.sandbox.serving import Client as Sandbox

AsPerson = Callable[[str | None], Awaitable[Viewer]]


@pytest.fixture
def as_person(
    app: App,
    sandbox: Sandbox,
    citizen: Callable[..., Awaitable[Viewer]],
    call: Callable[..., Call],
) -> AsPerson:
    """Makes an account of a demo person, or of nobody the city knows, with welfare's consents."""

    async def make(key: str | None) -> Viewer:
        number = None if key is None else (await sandbox.person(key))["resident_id"]
        viewer = await citizen(number=number)
        own = call(user_id=viewer.user_id, level=2)
        for purpose in list_purposes(own):
            if purpose.id.startswith("welfare."):
                await grant_consent(own, purpose.id, purpose.text_version)
        return viewer

    return make
