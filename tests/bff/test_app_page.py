"""docs/app.md: its commands are sent as they stand there."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from bff.commands.export import code_table
from tests.asgi import Client

PAGE = Path(__file__).parents[2] / "docs" / "app.md"


def _commands() -> Iterator[tuple[dict[str, str], str]]:
    """Headers and body of each curl on the page."""
    for block in re.findall(r"```sh\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL):
        words = shlex.split(block.replace("\\\n", " "))
        assert words[:3] == ["curl", "-s", "$API/graphql"]
        options = dict[str, list[str]]()
        for option, value in zip(words[3::2], words[4::2], strict=True):
            options.setdefault(option, []).append(value)
        (body,) = options["-d"]
        yield dict(one.split(": ", 1) for one in options["-H"]), body


@pytest.mark.parametrize(("headers", "body"), list(_commands()))
async def test_a_command_of_the_page_is_answered(
    client: Client, headers: dict[str, str], body: str
) -> None:
    answer = await client.post(body.encode(), headers=headers)
    assert answer.status == 200, answer.body
    data = answer.json["data"]
    assert data is not None
    if "errors" in answer.json:
        assert answer.codes == ["LOGIN_REQUIRED"] and data["services"]
    if "requestLoginCode" in data:
        assert data["requestLoginCode"]["__typename"] == "LoginCodeSent"


def test_the_codes_on_the_page_are_the_code_s() -> None:
    assert code_table() in PAGE.read_text(encoding="utf-8"), "quancheng documents codes"


def test_the_page_has_commands() -> None:
    assert len(list(_commands())) >= 3
