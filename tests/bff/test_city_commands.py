"""The commands that walk a running city say in one line where they find none."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from tests.core.processes.commands import Quancheng, loaded_quancheng
from tests.sandbox.serving import free_port

COMMANDS = ("demo", "services check", "documents calls")
PERSON = {"key": "citizen", "phone": "19900000001", "name": "甄示范", "resident_id": ""}


class _Stranger(BaseHTTPRequestHandler):
    """A server that has the sandbox's list of people, and at every other address a page."""

    known: ClassVar = {"/_control/people": [PERSON], "/_control/sms?phone=19900000001": []}

    def do_GET(self) -> None:
        self._say(200, json.dumps(self.known[self.path]).encode())

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self._say(404, b"<h1>not here</h1>" if "/page/" in self.path else b'{"code": "NO"}')

    def _say(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing on standard error."""


@contextmanager
def stranger() -> Iterator[int]:
    """The port of one."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Stranger) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


@pytest.fixture(scope="module")
def quancheng() -> Iterator[Quancheng]:
    with loaded_quancheng() as command:
        yield command


def _refusal(quancheng: Quancheng, command: str, tmp_path: Path, sandbox: int, api: str) -> str:
    variables = {"SANDBOX_PORT": str(sandbox), "DATA_DIR": str(tmp_path)}
    done = quancheng(*command.split(), "--api", api, **variables)
    assert done.returncode == 1, done.stdout
    [line] = done.stderr.splitlines()
    return line.removeprefix("quancheng: ").partition(": ")[2]


@pytest.mark.parametrize("command", COMMANDS)
def test_where_nothing_answers_it_says_what_to_start(
    quancheng: Quancheng, tmp_path: Path, command: str
) -> None:
    silent = free_port()
    wanted = (
        f"nothing answers at 127.0.0.1:{silent}; "
        "`make run` starts a city, PORT and SANDBOX_PORT say where it is"
    )
    assert _refusal(quancheng, command, tmp_path, silent, "http://127.0.0.1:1") == wanted
    with stranger() as sandbox:
        api = f"http://127.0.0.1:{silent}"
        assert _refusal(quancheng, command, tmp_path, sandbox, api) == wanted


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("path", ["", "/page"])
def test_where_another_server_answers_it_says_so(
    quancheng: Quancheng, tmp_path: Path, command: str, path: str
) -> None:
    with stranger() as port:
        api = f"http://127.0.0.1:{port}{path}"
        said = _refusal(quancheng, command, tmp_path, port, api)
    assert said == f"{api}/graphql is no GraphQL API: it answers 404"


@pytest.mark.parametrize("command", COMMANDS)
def test_what_is_no_address_is_refused(quancheng: Quancheng, tmp_path: Path, command: str) -> None:
    with stranger() as sandbox:
        said = _refusal(quancheng, command, tmp_path, sandbox, "nowhere")
    assert said == "nowhere/graphql is no address"
