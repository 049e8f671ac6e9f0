"""Asking a process of ours over HTTP: is it there, and what does it tell."""

import http.client
import json
from typing import Any

_TIMEOUT_S = 2.0


def local_host(host: str) -> str:
    """The address to reach a server on this machine that listens on `host`."""
    return {"0.0.0.0": "127.0.0.1", "::": "[::1]", "": "127.0.0.1"}.get(host, host)  # noqa: S104


def answers(address: str, path: str) -> bool:
    """Whether `http://address/path` answers 200."""
    try:
        return _get(address, path)[0] == 200
    except (OSError, http.client.HTTPException):
        return False


def fetch_json(address: str, path: str) -> Any:
    """The JSON at an address, or None when there is none to be had."""
    try:
        status, body = _get(address, path)
        return json.loads(body) if status == 200 else None
    except (OSError, ValueError, http.client.HTTPException):
        return None


def _get(address: str, path: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(address, timeout=_TIMEOUT_S)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()
