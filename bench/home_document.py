"""A home screen in memory: 63 services of 5 fields and 12 cards of 5, for servers to compare.

Every server answers the same document from the same objects; the answers' checksums must agree.
"""

import hashlib

import orjson
import strawberry

SERVICES = 63
CARDS = 12

DOCUMENT = """query Home {
  services { id name theme status deepLink }
  home { sections { id title status asOf reason } }
}
"""


@strawberry.type
class Service:
    """A tile."""

    id: strawberry.ID
    name: str
    theme: str
    status: str
    deep_link: str


@strawberry.type
class Section:
    """A card."""

    id: strawberry.ID
    title: str
    status: str
    as_of: str | None
    reason: str | None


@strawberry.type
class Home:
    """The screen."""

    sections: list[Section]


_SERVICES = [
    Service(
        id=strawberry.ID(f"service-{number}"),
        name=f"城市服务{number}",
        theme=("GOVERNMENT", "MOBILITY", "HEALTH", "COMMUNITY")[number % 4],
        status="LIVE",
        deep_link=f"quancheng://services/service-{number}",
    )
    for number in range(1, SERVICES + 1)
]
_SECTIONS = [
    Section(
        id=strawberry.ID(f"card-{number}"),
        title=f"卡片{number}",
        status="LIVE" if number % 3 else "UNAVAILABLE",
        as_of="2026-11-23T04:00:00Z" if number % 3 else None,
        reason=None if number % 3 else "TIMEOUT",
    )
    for number in range(1, CARDS + 1)
]


async def load_services() -> list[Service]:
    """The catalogue, as a resolver gets it."""
    return _SERVICES


async def load_home() -> Home:
    """The cards, as a resolver gets them."""
    return Home(sections=_SECTIONS)


@strawberry.type
class Query:
    """Both halves of the screen."""

    @strawberry.field
    async def services(self) -> list[Service]:
        """The tiles."""
        return await load_services()

    @strawberry.field
    async def home(self) -> Home:
        """The cards."""
        return await load_home()


def checksum(body: bytes) -> str:
    """Of a response's data, whatever the order of its keys."""
    data = orjson.loads(body)["data"]
    return hashlib.sha256(orjson.dumps(data, option=orjson.OPT_SORT_KEYS)).hexdigest()
