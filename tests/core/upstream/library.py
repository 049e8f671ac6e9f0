"""A library that lends books, as a wing's room would declare it."""

from dataclasses import dataclass
from typing import Any

from core.upstream.client import ANY, Timeouts
from core.upstream.operation import NOTHING, Request, System, json_of, whole_list_of


@dataclass(frozen=True)
class Book:
    """What the library of these tests lends."""

    title: str
    pages: int


LIBRARY = System("city_library")
EAST_BRANCH = System("east_branch", optional=True)


@LIBRARY.operation("GET", "/shelves/{shelf}/books/{no}", answers=json_of(Book).or_none(404))
def find_book(shelf: str, no: str) -> Request:
    """A book."""
    return Request(path={"shelf": shelf, "no": no}, params={"lang": "zh"})


@LIBRARY.operation("GET", "/books", answers=whole_list_of(Book, "books"), hedged=True)
def list_books() -> Request:
    """Every book."""
    return Request()


@LIBRARY.operation("GET", "/loans/{no}", answers=json_of(str, "due").or_none("NO_SUCH_LOAN"))
def find_loan(no: str) -> Request:
    """When a loan is due."""
    return Request(path={"no": no})


def _known(title: str) -> str:
    if title == "?":
        raise ValueError("no title")
    return title


@LIBRARY.operation("POST", "/titles", answers=json_of(str, "title").then(_known), safe=True)
def guess_title(words: str, *, lang: str = "zh") -> Request:
    """What a book is called."""
    return Request(json={"words": words}, headers={"Accept-Language": lang})


@LIBRARY.operation("POST", "/returns", answers=NOTHING)
def give_back(no: str) -> Request:
    """Give a book back; once."""
    return Request(json={"no": no})


@LIBRARY.operation(
    "GET", "", answers=NOTHING, accept=ANY, timeouts=Timeouts(total_s=0.05), body_max_bytes=20
)
def download(link: str, into: Any) -> Request:
    """A scan."""
    return Request(link=link, into=into)


@LIBRARY.operation("POST", "/readers", answers=json_of(str, "card"), safe=True, personal=True)
def find_reader(access: Any) -> Request:
    """The card of a person."""
    return Request(json={"id": access.person} if access else {}, access=access)
