"""Calling addresses that strangers have written down: webhooks, key sets.

A name is resolved here, each of its addresses is looked at, and the connection goes to one that
was looked at: it cannot become another one in between. Redirects are an answer like any other.
"""

import socket
from collections.abc import Mapping
from dataclasses import dataclass

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from core.database import refuse_in_transaction
from core.upstream.public_addresses import AddressRule

TIMEOUT_S = 15.0
ANSWER_MAX_BYTES = 4_096


class RefusedAddress(OSError):
    """The name leads to an address that nothing is sent to."""


class GuardedResolver(AbstractResolver):
    """Resolves names, and refuses those with an address that the rule does not allow."""

    def __init__(self, rule: AddressRule) -> None:
        self._rule = rule
        self._inner = aiohttp.ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """The addresses of a name. Raises RefusedAddress where one of them is not allowed."""
        found = await self._inner.resolve(host, port, family)
        if not found or not all(self._rule(entry["host"]) for entry in found):
            raise RefusedAddress(host)
        return found

    async def close(self) -> None:
        """Nothing is open."""
        await self._inner.close()


@dataclass(frozen=True, slots=True)
class Answer:
    """How a call ended: a status and a body, or in one word why there is none."""

    status: int | None
    error: str | None = None
    body: bytes = b""


async def post(url: str, body: bytes, headers: Mapping[str, str], rule: AddressRule) -> Answer:
    """Post a body. Raises nothing that the address is to blame for."""
    return await _exchange("POST", url, body, headers, rule, TIMEOUT_S, ANSWER_MAX_BYTES)


async def get(
    url: str, headers: Mapping[str, str], rule: AddressRule, *, timeout_s: float, most_bytes: int
) -> Answer:
    """Fetch a document; `error` is `too_large` above `most_bytes`. Raises as `post` does."""
    answer = await _exchange("GET", url, None, headers, rule, timeout_s, most_bytes + 1)
    return Answer(None, "too_large") if len(answer.body) > most_bytes else answer


async def _exchange(
    method: str,
    url: str,
    body: bytes | None,
    headers: Mapping[str, str],
    rule: AddressRule,
    timeout_s: float,
    most_bytes: int,
) -> Answer:
    refuse_in_transaction("a call to a stranger's address")
    try:
        target = URL(url)
    except ValueError:
        return Answer(None, "bad_url")
    if target.scheme not in {"http", "https"} or not target.host or target.user:
        return Answer(None, "bad_url")
    if _is_literal(target.host) and not rule(target.host):
        return Answer(None, "private_address")
    connector = aiohttp.TCPConnector(
        resolver=GuardedResolver(rule), use_dns_cache=False, force_close=True
    )
    timeout = aiohttp.ClientTimeout(total=timeout_s)
    try:
        async with (
            aiohttp.ClientSession(
                connector=connector,
                timeout=timeout,
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=False,
            ) as session,
            session.request(
                method, target, data=body, headers=headers, allow_redirects=False
            ) as answer,
        ):
            return Answer(answer.status, body=await _read(answer.content, most_bytes))
    except TimeoutError:
        return Answer(None, "timeout")
    except (aiohttp.ClientError, OSError, ValueError) as error:
        return Answer(None, "private_address" if _is_refusal(error) else type(error).__name__[:64])


async def _read(content: aiohttp.StreamReader, most_bytes: int) -> bytes:
    body = bytearray()
    while len(body) < most_bytes and (chunk := await content.read(most_bytes - len(body))):
        body += chunk
    return bytes(body)


def _is_literal(host: str) -> bool:
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, host.partition("%")[0])
        except OSError:
            continue
        return True
    return False


def _is_refusal(error: BaseException | None) -> bool:
    for _ in range(5):
        if error is None or isinstance(error, RefusedAddress):
            break
        error = getattr(error, "os_error", None) or error.__cause__
    return isinstance(error, RefusedAddress)
