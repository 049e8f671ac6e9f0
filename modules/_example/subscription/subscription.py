"""Who is told what, and when it is looked for."""

from functools import partial

from core.context.app import App
from core.context.call import Call
from core.deadline import Deadline
from core.errors import InvalidInput
from core.queue.jobs import Lane, job
from core.refusal_texts import INVALID_INPUT
from core.texts import Named
from kinds.owned import OwnedList
from kinds.subscription import Notice, Subscription, subscribe, tell_all
from modules._example.subscription import texts
from modules._example.subscription.models import ExampleSubscriptionDistrict
from modules._example.subscription.upstream import News, list_news
from notifications.api import Template

_DEADLINE_S = 8.0

DISTRICTS = OwnedList(
    ExampleSubscriptionDistrict, most=3, too_many=texts.TOO_MANY, same=("district_code",)
)
SUBSCRIPTION = Subscription(
    "example-subscription",
    DISTRICTS,
    adds="addExampleSubscription",
    removes="removeExampleSubscription",
    keys="example-subscription:",
)
TEMPLATE = Template("example.example_subscription", texts.NEWS_TITLE, texts.NEWS_BODY)


async def add(call: Call, district_code: str, key: str) -> ExampleSubscriptionDistrict:
    """Have the viewer told of a district's news. Raises InvalidInput for one of another city."""
    if district_code not in call.app.city.districts:
        raise InvalidInput(INVALID_INPUT, "districtCode", detail="no district of the city")
    command = {"district_code": district_code}  # what the client sent
    row = command | {"created_at": call.app.clock.now()}
    return await subscribe(call, SUBSCRIPTION, key, row, command)


@job("example.example_subscription", lane=Lane.BULK, timeout_s=300, every="*/10 * * * *")
async def tell_news(app: App) -> None:
    """Tell everybody what is new in their districts. Raises UpstreamError without the source."""
    for news in (await list_news(app, Deadline.after(_DEADLINE_S))).items:
        rows = ExampleSubscriptionDistrict.filter(district_code=news.district_code)
        await tell_all(app, SUBSCRIPTION, news.news_no, rows, partial(_notice, news))


def _notice(news: News, _row: ExampleSubscriptionDistrict) -> Notice:
    """What a subscriber is told; None would pass one over."""
    return Notice(TEMPLATE, {"name": Named(news.title_zh, news.title_en)})
