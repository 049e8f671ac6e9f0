"""The system that has the news; its contract belongs into docs/upstreams/."""

from dataclasses import dataclass

from core.upstream.operation import Request, System, records_of

SOURCE = System("example_subscription")


@dataclass(frozen=True, slots=True)
class News:
    """Something new in a district. Who was told of its number is not told again."""

    news_no: str
    district_code: str
    title_zh: str
    title_en: str


@SOURCE.operation("GET", "/news", answers=records_of(News, "news"), probe=())
def list_news() -> Request:
    """The news of the last days, of all districts."""
    return Request()
