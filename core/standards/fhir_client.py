"""A FHIR R4 REST client over the house's outbound HTTP (https://hl7.org/fhir/R4/http.html).

Every answer is validated before anybody sees it; what does not validate is UpstreamFailed. What
reads or sends somebody's data takes the `access` that `core.upstream.client` demands for it.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from multidict import MultiDict

from core.deadline import Deadline
from core.standards import fhir
from core.standards.fhir import FHIR_JSON, FhirInvalid
from core.upstream.client import Licence, Response, Upstream, UpstreamFailed, UpstreamRejected

_PAGES_MAX = 50
_GONE = {404, 410}
_FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@dataclass(frozen=True, slots=True)
class Versioned:
    """A resource and the `ETag` to send back in `If-Match`; empty where the server gave none."""

    resource: Any
    etag: str


class FhirClient:
    """One FHIR server: `root` is its path below the upstream's address, "/h1/fhir", and `server`
    its name among the upstream's servers."""

    def __init__(self, upstream: Upstream, root: str, server: str = "") -> None:
        self._upstream = upstream
        self._root = root.rstrip("/")
        self._server = server

    async def find(
        self, resource_type: str, resource_id: str, *, operation: str, deadline: Deadline
    ) -> Versioned | None:
        """Read one resource; None where the server has it no more or never had it."""
        if not fhir.is_id(resource_id):
            return None
        try:
            answer = await self._upstream.request(
                "GET",
                f"{self._root}/{resource_type}/{resource_id}",
                operation=operation,
                deadline=deadline,
                accept=FHIR_JSON,
                server=self._server,
            )
        except UpstreamRejected as error:
            if error.status in _GONE:
                return None
            raise
        return self._versioned(answer, resource_type)

    async def search(
        self,
        resource_type: str,
        params: Sequence[tuple[str, str]],
        *,
        operation: str,
        deadline: Deadline,
        access: Licence | None = None,
        posted: bool = False,
    ) -> list[Any]:
        """Every resource of a search, included ones too, through all its pages; what the server
        says of the search itself (`outcome`) is none.

        A `posted` one has its parameters in the body: what identifies a person stands in no address
        (https://hl7.org/fhir/R4/http.html#search, `POST [type]/_search`).
        """
        found: list[Any] = []
        async for bundle in self._pages(resource_type, params, operation, deadline, access, posted):
            found += [
                entry.resource
                for entry in bundle.entry or ()
                if entry.resource is not None
                and not (entry.search and entry.search.mode == "outcome")
            ]
        return found

    async def count(
        self,
        resource_type: str,
        params: Sequence[tuple[str, str]],
        *,
        operation: str,
        deadline: Deadline,
    ) -> int:
        """How many resources a search finds, without them (`_summary=count`)."""
        every = [*params, ("_summary", "count")]
        bundle = await anext(self._pages(resource_type, every, operation, deadline, None, False))
        if bundle.total is None:
            raise UpstreamFailed(self._upstream.name, operation, "a count without total")
        return int(bundle.total)

    async def create(
        self,
        resource_type: str,
        body: Mapping[str, Any],
        *,
        operation: str,
        deadline: Deadline,
        if_none_exist: str,
        access: Licence | None = None,
    ) -> Versioned:
        """Conditional create: where the search `if_none_exist` already matches, that one is meant.

        So the caller may repeat it; it is sent once, so that the error tells of this one attempt.
        Raises UpstreamRejected, 409 where the server refuses it.
        """
        headers = {"If-None-Exist": if_none_exist, "Prefer": "return=representation"}
        answer = await self._send(
            "POST", resource_type, body, headers, operation, deadline, safe=False, access=access
        )
        return self._versioned(answer, resource_type)

    async def update(
        self,
        resource_type: str,
        resource_id: str,
        body: Mapping[str, Any],
        *,
        operation: str,
        deadline: Deadline,
        if_match: str,
    ) -> Versioned:
        """Replace a resource that still has the version `if_match`, else UpstreamRejected 412."""
        headers = {"If-Match": if_match, "Prefer": "return=representation"}
        path = f"{resource_type}/{resource_id}"
        answer = await self._send("PUT", path, body, headers, operation, deadline, safe=True)
        return self._versioned(answer, resource_type)

    async def _send(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any],
        headers: Mapping[str, str],
        operation: str,
        deadline: Deadline,
        *,
        safe: bool,
        access: Licence | None = None,
    ) -> Response:
        return await self._upstream.request(
            method,
            f"{self._root}/{path}",
            operation=operation,
            deadline=deadline,
            json=body,
            headers={**headers, "Content-Type": FHIR_JSON},
            accept=FHIR_JSON,
            safe=safe,
            access=access,
            server=self._server,
        )

    async def _pages(
        self,
        resource_type: str,
        params: Sequence[tuple[str, str]],
        operation: str,
        deadline: Deadline,
        access: Licence | None,
        posted: bool,
    ) -> AsyncIterator[Any]:
        path, query = f"{self._root}/{resource_type}", MultiDict(params)
        for page in range(_PAGES_MAX):
            in_body = posted and page == 0
            answer = await self._upstream.request(
                "POST" if in_body else "GET",
                f"{path}/_search" if in_body else path,
                operation=operation,
                deadline=deadline,
                params=None if in_body else query,
                data=urlencode(params).encode() if in_body else None,
                headers=_FORM if in_body else None,
                accept=FHIR_JSON,
                safe=True,
                access=access,
                server=self._server,
            )
            bundle = self._parse(answer, "Bundle")
            yield bundle
            following = next(
                (link.url for link in bundle.link or () if link.relation == "next"), ""
            )
            if not following:
                return
            path, query = self._local(answer, following)
        raise UpstreamFailed(self._upstream.name, operation, "a search without end")

    def _local(self, answer: Response, url: str) -> tuple[str, MultiDict[str]]:
        """The path and query of a next link. It must stay on this server: only those are used."""
        parts = urlsplit(url)
        _, root, rest = parts.path.partition(self._root)
        if not root:
            raise UpstreamFailed(answer.upstream, answer.operation, "a next link leaves the server")
        return root + rest, MultiDict(parse_qsl(parts.query, keep_blank_values=True))

    def _versioned(self, answer: Response, resource_type: str) -> Versioned:
        resource = self._parse(answer, resource_type)
        version = resource.meta.versionId if resource.meta else None
        etag = answer.headers.get("ETag") or (f'W/"{version}"' if version else "")
        return Versioned(resource, etag)

    def _parse(self, answer: Response, resource_type: str) -> Any:
        try:
            return fhir.parse(resource_type, answer.json())
        except FhirInvalid as error:
            raise UpstreamFailed(answer.upstream, answer.operation, str(error)) from None
