"""From a connection to a call: who asks, in which language, until when."""

from collections.abc import Mapping
from functools import lru_cache
from itertools import count
from os import urandom
from typing import NamedTuple

from starlette.types import Scope

from core.context.app import App
from core.context.call import Call
from core.context.http import client_address
from core.deadline import Deadline
from core.security.authentication import Viewer
from core.texts import Locale

Headers = Mapping[bytes, bytes]

# a process's own half, then a number: randomness for each request is a system call for each
_PROCESS = urandom(6).hex()
_numbers = count()
_locale_of = lru_cache(maxsize=256)(Locale.from_header)


_LANGUAGES_MAX_CHARS = 1_000
"""Of the header that names languages; what comes after them is not read."""
_KEY_MAX_CHARS = 64
"""Of what a client chooses and we count by: enough for a UUID or a hash."""


class Caller(NamedTuple):
    """What a connection's headers tell of who is calling; nothing of it is verified."""

    authorization: str | None
    locale: Locale
    address: str
    device: str | None
    request_id: str
    resume_ticket: str | None = None
    app_version: str | None = None


def headers_of(scope: Scope) -> Headers:
    """The headers of a request by lower-case name; of a repeated one the last."""
    return dict(scope["headers"])


def header(headers: Headers, name: bytes) -> str | None:
    """One header's text."""
    value = headers.get(name)
    return None if value is None else value.decode("latin-1")


def caller_of(scope: Scope, headers: Headers, *, trusted_proxies: int) -> Caller:
    """The caller. With proxies in front, the address is what the outermost of them saw."""
    device = header(headers, b"x-device-id")
    languages = header(headers, b"accept-language")
    return Caller(
        authorization=header(headers, b"authorization"),
        locale=_locale_of(languages and languages[:_LANGUAGES_MAX_CHARS]),
        address=client_address(scope, trusted_proxies),
        device=device and device[:_KEY_MAX_CHARS],
        request_id=header(headers, b"x-request-id") or f"{_PROCESS}{next(_numbers):012x}",
        resume_ticket=header(headers, b"x-resume-ticket"),
        app_version=header(headers, b"x-app-version"),
    )


def deadline_of(app: App) -> Deadline:
    """By when a request that begins now is to be answered."""
    return Deadline.after(app.settings.request_deadline_s)


def call_for(
    app: App, caller: Caller, request_id: str, viewer: Viewer | None, deadline: Deadline
) -> Call:
    """The call of a viewer who is known already."""
    return Call(
        app, deadline, request_id, viewer, caller.locale, caller.address, caller.resume_ticket
    )
