"""Requests that no client of ours makes: odd shapes for every transport, drawn by a seed."""

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import orjson

DEEP = 1_000
"""Nested as deep as the JSON parser follows."""

TEXTS = ("", "\x00", "水🚰", "x" * 3_000, "a\nevent: next\ndata: {}\n\n", "__proto__", "null", "{{")
NUMBERS = (b"0", b"-1", b"1e400", b"-0", b"99999999999999999999999", b"0.1", b"NaN", b"1e-999")
ACCEPTS = (
    *("application/json", "application/graphql-response+json", "text/event-stream", "*/*"),
    *("multipart/mixed, application/json", "multipart/mixed;deferSpec=20220824", "image/png", ";"),
)
CONTENT_TYPES = (
    *("application/json", "application/json; charset=utf-8", "application/json; charset=UTF8"),
    *("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "", "ä/ö; ="),
)
METHODS = ("POST",) * 8 + ("GET",) * 4 + ("HEAD", "PUT", "OPTIONS", "DELETE")
HEADERS = (
    *("x-device-id", "x-request-id", "x-resume-ticket", "x-app-version", "x-forwarded-for"),
    *("last-event-id", "accept-language", "if-none-match", "authorization", "accept-encoding"),
)
MEMBERS = ("query", "documentId", "operationName", "variables", "extensions", "id", "operations")


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """One request as it is sent."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


class Shapes:
    """Draws requests; a seed draws the same ones again."""

    def __init__(self, seed: str, documents: Sequence[tuple[str, str]]) -> None:
        self._draw = random.Random(seed)
        self._documents = documents
        """Id and text of operations that fit the schema."""

    def http(self) -> HttpRequest:
        """A request over HTTP or, by its `Accept`, for server-sent events."""
        draw = self._draw
        method = draw.choice(METHODS)
        headers = {"accept": draw.choice(ACCEPTS if draw.random() < 0.3 else ACCEPTS[:4])}
        for name in draw.sample(HEADERS, draw.choice((0, 0, 1, 2))):
            headers[name] = draw.choice((*TEXTS, "x" * 9_000)).encode().decode("latin-1")
        if method == "GET" or method == "HEAD":
            return HttpRequest(method, f"/graphql?{self._query_string()}", headers, b"")
        headers["content-type"] = draw.choice(CONTENT_TYPES if draw.random() < 0.2 else ACCEPTS[:1])
        return HttpRequest(method, "/graphql", headers, self._body())

    def messages(self) -> list[bytes]:
        """What a client says on one WebSocket after `connection_init`."""
        return [self._message(str(number)) for number in range(self._draw.randint(1, 8))]

    def _message(self, number: str) -> bytes:
        draw = self._draw
        roll = draw.random()
        if roll < 0.75:
            return b'{"type":"subscribe","id":"%b","payload":%b}' % (number.encode(), self._body())
        if roll < 0.9:
            return orjson.dumps({"type": draw.choice(("ping", "pong")), "payload": self._plain(2)})
        if roll < 0.95:
            return orjson.dumps({"type": "complete", "id": draw.choice(("0", "1", None, 7))})
        return self._json(3)

    def _query_string(self) -> str:
        draw = self._draw
        if draw.random() < 0.5:
            document_id, text = draw.choice(self._documents)
            variables = self._variables(text).decode("utf-8", "replace")
            return f"documentId={document_id}&variables={quote(variables)}"
        if draw.random() < 0.1:
            return "&".join(f"a{n}={n}" for n in range(draw.choice((19, 21, 500))))
        names = draw.sample(MEMBERS, draw.randint(0, 4))
        return "&".join(f"{name}={quote(self._member(name))}" for name in names)

    def _body(self) -> bytes:
        draw = self._draw
        roll = draw.random()
        if roll < 0.05:
            return self._json(4)
        if roll < 0.1:
            whole = self._object()
            return whole[: draw.randint(0, len(whole))]
        return self._object() if roll < 0.4 else self._nearly_good()

    def _nearly_good(self) -> bytes:
        """A document of ours, and a value of any kind for each of its variables."""
        document_id, text = self._draw.choice(self._documents)
        name, whole = (
            (b"documentId", document_id) if self._draw.random() < 0.5 else (b"query", text)
        )
        return b'{"%b":%b,"variables":%b}' % (name, orjson.dumps(whole), self._variables(text))

    def _variables(self, text: str) -> bytes:
        names = re.findall(r"\$(\w+):", text)
        pairs = (b'"%b":%b' % (name.encode(), self._value()) for name in names)
        return b"{" + b",".join(pairs) + b"}"

    def _value(self) -> bytes:
        """Often a plain value that fits some type."""
        plain = (b"10", b'"x"', b'"water"', b"null", b"true", b'"2026-11-28"')
        return self._draw.choice(plain) if self._draw.random() < 0.7 else self._json(3)

    def _object(self) -> bytes:
        draw = self._draw
        members = []
        for name in draw.sample(MEMBERS, draw.randint(1, 4)):
            value = self._member(name).encode() if draw.random() < 0.8 else self._json(3)
            members.append(b'"%b":%b' % (name.encode(), value))
        document_id, text = draw.choice(self._documents)
        if draw.random() < 0.4:
            members.append(b'"documentId":%b' % orjson.dumps(document_id))
        elif draw.random() < 0.4:
            members.append(b'"query":%b' % orjson.dumps(text))
        return b"{" + b",".join(members) + b"}"

    def _member(self, name: str) -> str:
        """A value as JSON that could nearly stand for this member."""
        draw = self._draw
        document_id, text = draw.choice(self._documents)
        match name:
            case "query":
                return _text(draw.choice((text, text[: len(text) // 2], "{__typename}", *TEXTS)))
            case "documentId" | "id":
                return _text(draw.choice((document_id, document_id[7:], "sha256:0", *TEXTS)))
            case "extensions":
                id_ = draw.choice((document_id, *TEXTS, 1, None, ["a"]))
                return _text({"lastEventId": id_, "persistedQuery": {"sha256Hash": id_}})
            case "variables":
                return self._json(5).decode("utf-8", "replace")
        return _text(draw.choice(TEXTS))

    def _json(self, depth: int) -> bytes:
        """JSON, or nearly: nested too deep, numbers of any size, names given twice."""
        draw = self._draw
        roll = draw.random()
        if roll < 0.08:
            levels = draw.choice((20, 100, 250, 330, 400, DEEP, 5_000))
            opening, closing = draw.choice(((b"[", b"]"), (b'{"a":', b"}")))
            return b'{"a":%b1%b}' % (opening * levels, closing * levels)
        if roll < 0.3 or not depth:
            return draw.choice((*NUMBERS, *(orjson.dumps(text) for text in TEXTS)))
        if roll < 0.5:
            return b"[" + b",".join(self._json(depth - 1) for _ in range(draw.randint(0, 4))) + b"]"
        names = (b"id", b"first", b"first", b"input", b"idempotencyKey", b"\\u0000", b"\\ud800")
        pairs = (
            b'"%b":%b' % (draw.choice(names), self._json(depth - 1))
            for _ in range(draw.randint(0, 4))
        )
        return b"{" + b",".join(pairs) + b"}"

    def _plain(self, depth: int) -> Any:
        if not depth:
            return self._draw.choice(TEXTS)
        return [self._plain(depth - 1) for _ in range(2)]


def _text(value: Any) -> str:
    return orjson.dumps(value).decode()
