"""Addresses that lead back to other apps: which are taken, and what they are told."""

from collections.abc import Sequence
from urllib.parse import urlencode, urlsplit

_LOOPBACK = ("127.0.0.1", "::1", "localhost")


def redirect(uri: str, **parameters: str | None) -> str:
    """The address that leads back to an app, with what it is told."""
    query = {name: value for name, value in parameters.items() if value is not None}
    return f"{uri}{'&' if urlsplit(uri).query else '?'}{urlencode(query)}"


def checked_redirects(uris: Sequence[str]) -> list[str]:
    """Redirect addresses as they are registered. Raises ValueError for one that is not safe.

    https, http on the machine itself, or a scheme of an app's own (RFC 8252 section 7); no
    fragment, and one host for all (OpenID Connect Core section 8.1).
    """
    if not uris or len({sector_of(uri) for uri in uris}) != 1:
        raise ValueError("redirect addresses must have one host")
    for uri in uris:
        parts = urlsplit(uri)
        is_safe = parts.scheme == "https" or "." in parts.scheme
        is_here = parts.scheme == "http" and parts.hostname in _LOOPBACK
        if not (is_safe or is_here) or parts.fragment or not uri.isascii():
            raise ValueError(f"not a safe redirect address: {uri}")
    return list(uris)


def sector_of(uri: str) -> str:
    """The host of an address, or the scheme where it belongs to one app."""
    parts = urlsplit(uri)
    return parts.hostname or parts.scheme
