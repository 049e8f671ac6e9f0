"""The service as an app uses it: its own operations, over the API, against the sandbox city.

Keys, the ceiling, and who is told once of what are the kind's: tests/kinds.
"""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from bff.trusted.documents import documents_of
from core.context.app import App
from core.deadline import Deadline
from core.security.authentication import Viewer
from core.settings import Settings
from modules._example.subscription.models import ExampleSubscriptionDistrict
from modules._example.subscription.subscription import tell_news
from modules._example.subscription.upstream import list_news
from notifications.messages.models import Message
from tests.asgi import Client
from tests.sandbox.serving import Client as Sandbox

pytestmark = pytest.mark.xdist_group("lookups")

Citizen = Callable[..., Awaitable[Viewer]]
DISTRICT = "370102"


@pytest.fixture
def settings(settings: Settings, sandbox_port: int) -> Settings:
    """Settings with which the App finds the sandbox."""
    return settings.model_copy(update={"sandbox_port": sandbox_port})


async def _run(client: Client, viewer: Viewer | None, name: str, **variables: Any) -> Any:
    """The answer of one operation of the service's document."""
    operations = documents_of(client.app.manifests).operations.values()
    (operation,) = (one for one in operations if one.name == name)
    (answer,) = (await client.data(operation.source, variables, viewer=viewer)).values()
    return answer


async def test_a_district_is_added_listed_and_removed(client: Client, citizen: Citizen) -> None:
    viewer = await citizen(level=1)
    added = await _run(
        client, viewer, "AddExampleSubscription", districtCode=DISTRICT, key="add-key-1"
    )
    (listed,) = await _run(client, viewer, "ExampleSubscriptions")
    assert (listed["id"], listed["districtCode"]) == (added["id"], DISTRICT)
    gone = await _run(
        client, viewer, "RemoveExampleSubscription", id=added["id"], key="remove-key-1"
    )
    assert gone == {"subscriptionId": added["id"]}
    assert await _run(client, viewer, "ExampleSubscriptions") == []


async def test_a_district_of_another_city_is_refused(client: Client, citizen: Citizen) -> None:
    refused = await _run(
        client,
        await citizen(level=1),
        "AddExampleSubscription",
        districtCode="110101",
        key="add-key-1",
    )
    assert refused["code"] == "INVALID_INPUT"
    assert await ExampleSubscriptionDistrict.all().count() == 0


async def test_what_the_city_publishes_is_told_in_the_district_alone(
    app: App, client: Client, citizen: Citizen, sandbox: Sandbox
) -> None:
    here, elsewhere = await citizen(level=1), await citizen(level=1)
    for viewer, code in ((here, DISTRICT), (elsewhere, "370103")):
        await _run(client, viewer, "AddExampleSubscription", districtCode=code, key="add-key-1")
    news = {"district_code": DISTRICT, "title_zh": "新消息", "title_en": "Something new"}
    status, told = await sandbox.post("/_control/example-subscription/news", news)
    assert status == 201
    (read,) = (await list_news(app, Deadline.after(2))).items
    assert (read.news_no, read.title_en) == (told["news_no"], "Something new")
    await tell_news(app)
    assert await Message.all().values_list("person_id", flat=True) == [here.user_id]
