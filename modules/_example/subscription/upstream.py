"""The system that has the news; its contract belongs into docs/upstreams/."""

from core.upstream.operation import Request, System, records_of
from modules._example.subscription.domain import News

SOURCE = System("example_subscription")


@SOURCE.operation("GET", "/news", answers=records_of(News, "news"))
def list_news() -> Request:
    """The news of the last days, of all districts."""
    return Request()
