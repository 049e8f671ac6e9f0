"""A source of news: what was published by hand, the newest first."""

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from sandbox.server.system import City, Operation, System
from sandbox.server.wire import Body, read_body, reply

SCHEMA = """
CREATE TABLE example_subscription_news (
    news_no TEXT PRIMARY KEY, district_code TEXT NOT NULL,
    title_zh TEXT NOT NULL, title_en TEXT NOT NULL
);
"""


class NewNews(Body):
    """Something new in a district."""

    district_code: str = Field(pattern=r"^\d{6}$")
    title_zh: str = Field(min_length=1, max_length=64)
    title_en: str = Field(min_length=1, max_length=64)


async def list_news(request: Request, city: City) -> Response:
    """All news."""
    rows = city.state.all("SELECT * FROM example_subscription_news ORDER BY news_no DESC LIMIT 500")
    return reply({"news": [dict(row) for row in rows]})


async def publish(request: Request, city: City) -> Response:
    """Publish something."""
    news = await read_body(request, NewNews)
    news_no = f"N{city.serial('example_subscription')}"
    city.state.run(
        "INSERT INTO example_subscription_news VALUES (?, ?, ?, ?)",
        (news_no, news.district_code, news.title_zh, news.title_en),
    )
    return reply({"news_no": news_no}, 201)


SYSTEMS = (
    System(
        name="example_subscription",
        title_zh="示例订阅",
        title_en="Example subscription",
        schema=SCHEMA,
        operations=(Operation("list_news", "GET", "/example-subscription/news", list_news),),
        controls=(Operation("publish", "POST", "/_control/example-subscription/news", publish),),
    ),
)
