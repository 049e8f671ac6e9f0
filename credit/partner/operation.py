"""How an operation of the banks' API is declared: one declaration makes route, checks and docs."""

import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Generic, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, RootModel, StringConstraints

from core.context.app import App
from core.database import Transaction
from core.errors import NotFound
from core.refusal_texts import NOT_FOUND
from core.standards.jose import base64url
from credit.partner.models import Bank
from credit.partner.problems import BadRequest, PreconditionFailed, PreconditionRequired
from credit.partner.scopes import PartnerScope
from credit.partner.texts import CURSOR_INVALID, PRECONDITION_FAILED, PRECONDITION_REQUIRED

T = TypeVar("T")

BASE = "/partner/v1"
PAGE_MAX = 100


class Body(BaseModel):
    """What a bank sends: unknown members are refused, values are not bent to fit."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


R = TypeVar("R")


class BodyRoot(RootModel[R]):
    """What a bank sends, where it is one of several forms."""

    model_config = ConfigDict(strict=True, frozen=True)


class View(BaseModel):
    """What a bank reads."""

    model_config = ConfigDict(extra="forbid", frozen=True, from_attributes=True)


class Query(BaseModel):
    """The parameters after the question mark."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class PageQuery(Query):
    """Which page of a list."""

    limit: int = Field(50, ge=1, le=PAGE_MAX, description="Items of a page at most.")
    cursor: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")] | None = Field(
        None, description="`next_cursor` of the page before."
    )


class NoQuery(Query):
    """No parameters."""


@dataclass(frozen=True)
class Visit:
    """One authenticated request of a bank: who, what they sent, and the command's transaction."""

    app: App
    bank: Bank
    request_id: str
    path: Mapping[str, str]
    query: Any
    body: Any
    if_match: str | None
    _tx: Transaction | None = field(default=None, repr=False)

    @property
    def tx(self) -> Transaction:
        """The transaction of a command; its answer is stored in it."""
        assert self._tx is not None, "only commands have a transaction"
        return self._tx

    def path_id(self, name: str) -> UUID:
        """An id in the address. Raises NotFound for what cannot be an id of ours."""
        try:
            return UUID(self.path[name])
        except ValueError:
            raise NotFound(NOT_FOUND) from None

    def require_match(self, present: BaseModel) -> None:
        """Go on only where the caller has read what stands now; `present` is read under its lock.

        Raises PreconditionRequired without If-Match, PreconditionFailed for another version.
        """
        if self.if_match is None:
            raise PreconditionRequired(PRECONDITION_REQUIRED)
        tags = [tag.strip() for tag in self.if_match.split(",")]
        if etag_of(to_bytes(present)) not in tags and "*" not in tags:
            raise PreconditionFailed(PRECONDITION_FAILED)

    def after(self) -> UUID | None:
        """The last id of the page before. Raises BadRequest for a cursor that is none of ours."""
        cursor: str | None = self.query.cursor
        if cursor is None:
            return None
        try:
            return UUID(hex=cursor)
        except ValueError:
            raise BadRequest(CURSOR_INVALID) from None


def page_of(view: Callable[[T], Any], rows: Sequence[T], limit: int) -> dict[str, Any]:
    """The members of a page from up to `limit` + 1 rows; each view has an `id`."""
    items = [view(row) for row in rows[:limit]]
    return {"items": items, "next_cursor": items[-1].id.hex if len(rows) > limit else None}


def to_bytes(view: BaseModel) -> bytes:
    """A view as it is sent."""
    return view.model_dump_json().encode()


def etag_of(body: bytes) -> str:
    """The entity tag of a body: strong, from all of it."""
    return f'"{base64url(hashlib.sha256(body).digest())[:27]}"'


V = TypeVar("V", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Operation(Generic[V]):
    """One operation: where it is, what it needs and gives, and the function that does it.

    One that is no GET is a command: it takes an idempotency key and runs in one transaction.
    """

    id: str
    method: str
    path: str
    tag: str
    summary: str
    scope: PartnerScope
    answer: type[V]
    handler: Callable[[Visit], Awaitable[V]]
    body: type[BaseModel] | None = None
    body_max_bytes: int = 256_000
    query: type[Query] = NoQuery
    status: int = 200
    has_etag: bool = False
    needs_match: bool = False
    description: str = ""

    @property
    def is_command(self) -> bool:
        """Whether it changes something."""
        return self.method != "GET"

    @property
    def placeholders(self) -> Sequence[str]:
        """The names in its path."""
        return [part[1:-1] for part in self.path.split("/") if part.startswith("{")]
