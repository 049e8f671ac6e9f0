"""Whatever logs, through structlog or the standard library, one stream gets it, masked."""

import asyncio
import io
import json
import logging
import logging.config
from collections.abc import Iterator
from typing import Any

import granian.log
import pytest
import structlog

from core.telemetry import logging as core_logging
from core.telemetry.logging import configure, current_request_id, request_scope

PHONE = "13812345678"
RESIDENT_ID = "37010219900307012X"


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    stream = io.StringIO()
    configure("info", json=True, stream=stream)
    yield stream
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()


def entries(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_an_event_is_one_json_line(stream: io.StringIO) -> None:
    structlog.get_logger("payments").info("settled", amount_fen=1250, phone=PHONE, to=[PHONE])
    (entry,) = entries(stream)
    assert entry.pop("timestamp").endswith("Z")
    assert entry == {
        "event": "settled",
        "level": "info",
        "logger": "payments",
        "amount_fen": 1250,
        "phone": "<masked>",
        "to": ["<phone>"],
    }


def test_a_level_below_is_silent(stream: io.StringIO) -> None:
    structlog.get_logger().debug("noise")
    logging.getLogger("noise").debug("noise")
    assert stream.getvalue() == ""
    with pytest.raises(ValueError, match="LOUD"):
        configure("loud", stream=stream)


@pytest.mark.parametrize("name", ["_granian", "granian.access", "tortoise", "pgqueuer", "asyncpg"])
def test_libraries_are_masked_even_with_handlers_of_their_own(
    name: str, stream: io.StringIO, capsys: pytest.CaptureFixture[str]
) -> None:
    logger = logging.getLogger(name)
    logger.addHandler(logging.StreamHandler())
    logger.propagate = False
    configure("info", json=True, stream=stream)
    logger.warning("row %s of %s", {"name": "张三"}, PHONE, extra={"token": "t"})
    (entry,) = entries(stream)
    assert entry["event"] == "row {'name': <masked>} of <phone>"
    assert entry["logger"] == name
    assert capsys.readouterr().err == ""


def test_granian_can_be_told_to_have_no_handlers(
    stream: io.StringIO, capsys: pytest.CaptureFixture[str]
) -> None:
    granian.log.configure_logging(granian.log.LogLevels.info, core_logging.GRANIAN_LOGGING)
    granian.log.access_logger.warning("GET /citizens/%s 200", RESIDENT_ID)
    assert entries(stream)[0]["event"] == "GET /citizens/<resident> 200"
    assert capsys.readouterr().out == ""


def fail() -> None:
    try:
        raise KeyError(f"row of {RESIDENT_ID}")
    except KeyError as error:
        raise ValueError(f"no such citizen: {PHONE}, name='张三'") from error


@pytest.mark.parametrize("logger", [structlog.get_logger("ours"), logging.getLogger("theirs")])
def test_exception_text_is_masked_causes_included(logger: Any, stream: io.StringIO) -> None:
    try:
        fail()
    except ValueError:
        logger.exception("failed")
    (entry,) = entries(stream)
    assert "ValueError: no such citizen: <phone>, name=<masked>" in entry["exception"]
    assert "KeyError: 'row of <resident>'" in entry["exception"]
    for secret in (PHONE, RESIDENT_ID, "张三"):
        assert secret not in stream.getvalue()


async def test_asyncio_reports_lost_exceptions_to_the_same_stream(stream: io.StringIO) -> None:
    asyncio.get_running_loop().call_exception_handler(
        {"message": f"lost {PHONE}", "exception": ValueError(RESIDENT_ID)}
    )
    (entry,) = entries(stream)
    assert entry["logger"] == "asyncio"
    assert PHONE not in stream.getvalue()
    assert RESIDENT_ID not in stream.getvalue()


def test_the_console_renderer_is_masked_too(stream: io.StringIO) -> None:
    configure("info", json=False, stream=stream)
    try:
        fail()
    except ValueError:
        structlog.get_logger().exception("failed", phone=PHONE)
    text = stream.getvalue()
    assert "failed" in text
    assert "no such citizen: <phone>" in text
    for secret in (PHONE, RESIDENT_ID, "张三"):
        assert secret not in text


async def test_each_request_logs_under_its_own_id(stream: io.StringIO) -> None:
    async def serve(number: int) -> None:
        with request_scope(f"request-{number}") as request_id:
            await asyncio.sleep(0)
            logging.getLogger("theirs").info("%d", number)
            structlog.get_logger().info(str(number))
            assert current_request_id() == request_id == f"request-{number}"

    await asyncio.gather(*(serve(number) for number in range(5)))
    seen = {(entry["event"], entry["request_id"]) for entry in entries(stream)}
    assert seen == {(str(number), f"request-{number}") for number in range(5)}
    assert len(entries(stream)) == 10
    assert current_request_id() is None


@pytest.mark.parametrize("offered", [None, "", "short", "a" * 65, "two\nlines-long", "имя-запроса"])
def test_an_odd_request_id_is_replaced(offered: str | None) -> None:
    with request_scope(offered) as request_id:
        assert request_id != offered
        assert len(request_id) == 36
