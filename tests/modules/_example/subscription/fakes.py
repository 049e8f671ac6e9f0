"""The source of news in memory."""

from core.upstream.records import Records
from modules._example.subscription.upstream import News

DISTRICTS = ("370102", "370103", "370104", "370105", "370112")


class FakeSource:
    """A source that has what a test publishes."""

    def __init__(self) -> None:
        self.news: list[News] = []

    def publish(self, district_code: str) -> None:
        """Something new in a district."""
        self.news.append(News(f"N{len(self.news)}", district_code, "新消息", "Something new"))

    async def list_news(self) -> Records[News]:
        """See its declaration."""
        return Records(list(self.news))
