"""Declared operations: what is sent, how answers are read, and what may take their place."""

import io
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import orjson
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from core.context.app import App
from core.database import transaction
from core.deadline import Deadline
from core.errors import StartError
from core.manifest import Manifest
from core.processes.open_app import open_app
from core.settings import Environment, Settings
from core.telemetry.metrics import Metrics
from core.upstream.client import (
    HttpClient,
    Response,
    Unlicensed,
    UpstreamFailed,
    UpstreamRejected,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from core.upstream.operation import (
    NOTHING,
    Answer,
    Request,
    System,
    Upstreams,
    json_of,
    records_of,
    whole_list_of,
)
from tests.core.upstream.library import (
    LIBRARY,
    Book,
    download,
    find_book,
    find_loan,
    find_reader,
    give_back,
    guess_title,
    list_books,
)
from tests.upstreams import Connected, by_operation, in_place_of, over_http

ACCESS: Any = SimpleNamespace(person="me", upstream="city_library")


class Library:
    """The library over HTTP: answers what a test wants and remembers requests."""

    def __init__(self) -> None:
        self.answers: list[web.Response] = []
        self.requests: list[tuple[str, str, bytes]] = []
        self.headers: dict[str, str] = {}

    async def serve(self, request: web.Request) -> web.Response:
        """One answer after the other."""
        self.requests.append((request.method, request.raw_path, await request.read()))
        self.headers = dict(request.headers)
        return self.answers.pop(0)

    def says(self, value: object, status: int = 200) -> None:
        """The next answer."""
        self.answers.append(web.json_response(value, status=status))


@pytest.fixture
async def library() -> Library:
    return Library()


@pytest.fixture
async def base(library: Library) -> AsyncIterator[str]:
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", library.serve)
    async with TestServer(application) as server:
        yield str(server.make_url(""))


@pytest.fixture
async def http() -> AsyncIterator[HttpClient]:
    async with HttpClient(Metrics()) as client:
        yield client


@pytest.fixture
def city(http: HttpClient, base: str) -> Connected:
    return over_http(http, base, LIBRARY)


def _soon() -> Deadline:
    return Deadline.after(2)


async def test_an_argument_cannot_leave_its_place_in_the_path(
    city: Connected, library: Library
) -> None:
    library.says({"title": "论语", "pages": 300})
    assert await find_book(city, _soon(), "a/b?c#d", "../水") == Book("论语", 300)
    path = "/city-library/shelves/a%2Fb%3Fc%23d/books/..%2F%E6%B0%B4?lang=zh"
    assert library.requests == [("GET", path, b"")]


async def test_an_answer_is_read_whole_or_not_at_all(city: Connected, library: Library) -> None:
    library.says({"books": [{"title": "a", "pages": 1}, {"title": "b", "pages": 2}]})
    assert await list_books(city, _soon()) == [Book("a", 1), Book("b", 2)]
    sound = {"title": "a", "pages": 1}
    for unknown in ({"books": [sound, {"title": "b"}]}, {}, [], {"books": None}, {"books": "ab"}):
        library.says(unknown)
        with pytest.raises(UpstreamFailed, match=r"^city_library\.list_books: unknown form$"):
            await list_books(city, _soon())


async def test_there_is_none_where_the_system_says_so_in_its_own_way(
    city: Connected, library: Library
) -> None:
    library.says({"code": "ANY"}, 404)
    assert await find_book(city, _soon(), "a", "1") is None
    library.says({"code": "NO_SUCH_LOAN"}, 404)
    assert await find_loan(city, _soon(), "1") is None
    for refusal, status in (({"code": "NO_SUCH_PAGE"}, 404), ({}, 404), ([], 409), ("x", 403)):
        library.says(refusal, status)
        with pytest.raises(UpstreamRejected):
            await find_loan(city, _soon(), "1")


async def test_an_answer_may_be_converted_and_found_wrong(
    city: Connected, library: Library
) -> None:
    library.says({"title": "诗经"})
    assert await guess_title(city, _soon(), "关关雎鸠", lang="en") == "诗经"
    assert library.headers["Accept-Language"] == "en"
    library.says({"title": "?"})
    with pytest.raises(UpstreamFailed, match="unknown form"):
        await guess_title(city, _soon(), "x")


async def test_only_a_safe_operation_is_repeated(city: Connected, library: Library) -> None:
    library.says({}, 503)
    library.says({"title": "a"})
    assert await guess_title(city, _soon(), "a") == "a"
    library.says({}, 503)
    with pytest.raises(UpstreamFailed):
        await give_back(city, _soon(), "1")
    library.answers = [web.Response(status=204)]
    await give_back(city, _soon(), "1")
    assert [path.rpartition("/")[2] for _, path, _ in library.requests] == [
        *["titles"] * 2,
        *["returns"] * 2,
    ]


async def test_an_operation_has_its_own_bounds_and_takes_a_link(
    city: Connected, library: Library
) -> None:
    into = io.BytesIO()
    library.answers = [web.Response(body=b"0123456789")]
    await download(city, _soon(), "/scans/1%2F2", into)
    assert (into.getvalue(), library.requests[0][1]) == (b"0123456789", "/city-library/scans/1%2F2")
    library.answers = [web.Response(body=bytes(21))]
    with pytest.raises(UpstreamFailed):
        await download(city, _soon(), "/scans/1", into)
    with pytest.raises(ValueError, match="does not climb"):
        await download(city, _soon(), "/../other", into)


async def test_a_personal_operation_sends_nothing_without_an_access_for_its_system(
    city: Connected, library: Library, http: HttpClient, base: str
) -> None:
    for access in (None, SimpleNamespace(person="me", upstream="police")):
        with pytest.raises(Unlicensed, match="needs an Access"):
            await find_reader(city, _soon(), access)
    raw = http.upstream("city_library", base)
    for name in ("find_reader", "a_new_operation"):  # not declared: it might be personal
        with pytest.raises(Unlicensed):
            await raw.request("GET", "/x", operation=name, deadline=_soon())
    assert library.requests == []
    library.says({"card": "C1"})
    assert await find_reader(city, _soon(), ACCESS) == "C1"


class FakeLibrary:
    """A library in memory."""

    def __init__(self) -> None:
        self.readers: list[Any] = []

    async def guess_title(self, words: str, *, lang: str = "zh") -> str:
        """See its declaration."""
        if not words:
            raise UpstreamTimeout("city_library", "guess_title", "no answer in time")
        return f"{words} {lang}"

    async def find_reader(self, access: Any) -> str:
        """See its declaration."""
        self.readers.append(access.person)
        return "C1"


async def test_a_fake_takes_the_operations_arguments_and_answers_for_it() -> None:
    app = in_place_of(LIBRARY, FakeLibrary())
    assert await guess_title(app, _soon(), "a", lang="en") == "a en"
    with pytest.raises(UpstreamTimeout):
        await guess_title(app, _soon(), "")
    with pytest.raises(TypeError):
        await guess_title(app, _soon(), title="a")  # type: ignore[call-arg]


async def test_in_front_of_a_fake_stand_the_same_guards(app: App) -> None:
    fake = FakeLibrary()
    library = in_place_of(LIBRARY, fake)
    with pytest.raises(Unlicensed):
        await find_reader(library, _soon(), None)
    async with transaction():
        with pytest.raises(RuntimeError, match="outbound call inside a transaction"):
            await find_reader(library, _soon(), ACCESS)
    assert fake.readers == []
    assert await find_reader(library, _soon(), ACCESS) == "C1"


def test_a_declaration_that_makes_no_sense_is_refused() -> None:
    system = System("twice")

    def declare() -> None:
        @system.operation("GET", "/", answers=NOTHING)
        def read() -> Request:
            return Request()

    with pytest.raises(ValueError, match="not safe to be sent twice"):
        system.operation("POST", "/", answers=NOTHING, hedged=True)(lambda: Request())
    declare()
    with pytest.raises(ValueError, match=r"declared twice, operation: twice\.read"):
        declare()
    with pytest.raises(ValueError, match="declared twice, upstream: twice"):
        Upstreams(HttpClient(Metrics()), [system, System("twice")], {})


def test_none_is_the_last_thing_an_answer_may_be() -> None:
    answer = Answer(len).or_none(404)
    with pytest.raises(AssertionError, match="or_none comes last"):
        answer.then(str)


async def test_hedging_is_the_declarations(http: HttpClient, city: Connected) -> None:
    assert http.hedging("city_library", "list_books") is not None
    assert http.hedging("city_library", "list_books") is http.hedging("city_library", "list_books")
    assert http.hedging("city_library", "find_book") is None


async def test_a_system_that_is_nowhere_is_unavailable_if_it_may_be_and_else_a_mistake(
    http: HttpClient,
) -> None:
    optional = System("branch", optional=True)

    @optional.operation("GET", "/hours", answers=NOTHING)
    def hours() -> Request:
        return Request()

    with pytest.raises(UpstreamUnavailable, match="it has no address"):
        await hours(Connected(Upstreams(http, [optional], {})), _soon())
    with pytest.raises(LookupError, match="no manifest lists the system branch"):
        await hours(Connected(Upstreams(http, [], {"branch": "http://127.0.0.1:9"})), _soon())


@pytest.fixture
def wings(manifests: tuple[Manifest, ...]) -> list[Manifest]:
    """A house that speaks to no other system than the library's."""
    core = next(manifest for manifest in manifests if manifest.name == "core")
    return [core, Manifest("library", rooms=("library",), package="tests.core.upstream")]


async def test_an_address_is_the_files_or_the_development_citys(
    settings: Settings, wings: list[Manifest], tmp_path: Path
) -> None:
    async with open_app(settings, manifests=wings) as app:
        assert app.upstreams.find_address("east_branch") == f"{settings.sandbox_url}/east-branch"
    file = tmp_path / "upstreams.toml"
    file.write_text('[city_library]\nurl = "https://library.example/"\n', encoding="utf-8")
    production = settings.model_copy(
        update={"environment": Environment.PRODUCTION, "upstreams_file": file}
    )
    async with open_app(production, manifests=wings) as app:
        assert app.upstreams.find_address("city_library") == "https://library.example"
        assert app.upstreams.find_address("east_branch") is None
    file.write_text("", encoding="utf-8")
    with pytest.raises(StartError, match="no entry for city_library"):
        async with open_app(production, manifests=wings):
            pytest.fail("it started")


async def test_a_fake_is_given_by_operation(settings: Settings, wings: list[Manifest]) -> None:
    fakes = by_operation(FakeLibrary(), LIBRARY)
    assert set(fakes) == {guess_title, find_reader}
    async with open_app(settings, manifests=wings, upstreams=fakes) as app:
        assert await guess_title(app, _soon(), "a") == "a zh"


def test_a_list_is_read_record_by_record_or_whole_and_said_so() -> None:
    for form in (list[Book], Sequence[Book], list):
        with pytest.raises(TypeError, match="a list is of records_of, or of whole_list_of"):
            json_of(form, "books")
    books = [{"title": "A", "pages": 1}, {"title": "B"}]
    told = Response("city_library", "list_books", 200, {}, orjson.dumps({"books": books}))
    assert len(records_of(Book, "books").read(told).items) == 1
    twice = Response("city_library", "list_books", 200, {}, orjson.dumps({"books": books * 2}))
    read = records_of(Book, "books", "title").read(twice)
    assert (len(read.items), read.unreadable) == (1, 2)
    with pytest.raises(ValueError, match="1 validation error"):
        whole_list_of(Book, "books").read(told)
