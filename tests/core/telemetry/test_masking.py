"""Personal data is masked by key and by shape; what is not personal stays readable."""

from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.ids import resident_id_check_digit
from core.telemetry.masking import is_sensitive, mask_items, mask_text, mask_value

PHONE = "13812345678"
RESIDENT_ID = "370102199003070" + "12"
RESIDENT_ID += resident_id_check_digit(RESIDENT_ID)
CARD = "6222021234567890123"
JWT = "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"
UUID_TEXT = "0192f3a4-1381-7234-8678-138123456789"


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        (f"sent to {PHONE}.", "sent to <phone>."),
        (f"手机{PHONE}已登记", "手机<phone>已登记"),
        ("call +86 138-1234-5678 now", "call <phone> now"),
        (f"/citizens/{RESIDENT_ID}/fund", "/citizens/<resident>/fund"),
        ("37010219900307012x", "<resident>"),
        (f"card {CARD} refused", "card <card> refused"),
        ("card 6222 0212 3456 7890 refused", "card <card> refused"),
        (f"got {JWT} back", "got <token> back"),
        ("Bearer 0123456789abcdefgh sent", "Bearer <token> sent"),
        ("at https://bank.example/q?idno=1&x=2 now", "at https://bank.example/q?<query> now"),
        ('"GET /fund?idno=1 HTTP/1.1" 200', '"GET /fund?<query> HTTP/1.1" 200'),
        ("postgresql://app:hunter2@db/city", "postgresql://<credentials>@db/city"),
        ('{"realName": "张三", "n": 1}', '{"realName": <masked>, "n": 1}'),
        (r"{\"name\": \"张三\", \"n\": 1}", r"{\"name\": <masked>, \"n\": 1}"),
        ("Person(name='张三', age=3)", "Person(name=<masked>, age=3)"),
        ("address: 历下区 经十路1号, ok", "address: <masked>, ok"),
        ("姓名：张三, 年龄：3", "姓名：<masked>, 年龄：3"),
        ("{'address': {'street': '经十路'}}", "{'address': <masked>}"),
        (
            "DETAIL: Key (citizen_id, holder)=(7, 张三) already exists.",
            "DETAIL: Key (citizen_id, holder)=(<masked>) already exists.",
        ),
        ("Failing row contains (1, 张三, f).", "Failing row contains (<masked>)."),
    ],
)
def test_text_is_masked(text: str, masked: str) -> None:
    assert mask_text(text) == masked


@pytest.mark.parametrize(
    "text",
    [
        f"intent {UUID_TEXT} settled",
        "2026-03-01T08:00:00.123456Z",
        "paid 12345678901 fen in 1234567890123 steps",
        "status_code=502, attempt=2",
        "connection to 127.0.0.1:5432 refused",
        "basic information of filename.py: done",
        "https://bank.example/path failed",
    ],
)
def test_the_rest_stays_readable(text: str) -> None:
    assert mask_text(text) == text


@pytest.mark.parametrize(
    "key",
    [
        "phone",
        "holder_name",
        "realName",
        "Set-Cookie",
        "accessToken",
        "residentIds",
        "IDCard",
        "OTP",
    ],
)
def test_sensitive_keys(key: str) -> None:
    assert is_sensitive(key)


@pytest.mark.parametrize("key", ["status_code", "filename", "nameless", "upstream", "request_id"])
def test_harmless_keys(key: str) -> None:
    assert not is_sensitive(key)


class Opaque:
    def __repr__(self) -> str:
        return f"<Opaque phone={PHONE}, {RESIDENT_ID}>"


def test_values_of_every_kind_are_masked_and_json_ready() -> None:
    items: dict[Any, Any] = {
        "n": 3,
        "number": int(PHONE),
        "code": 123456,
        "name": None,
        "list": [PHONE, {"city": "济南", "address": "经十路"}],
        PHONE: "key",
        "bytes": PHONE.encode(),
        "id": UUID(UUID_TEXT),
        "at": datetime(2026, 3, 1, tzinfo=UTC),
        "on": date(2026, 3, 1),
        "object": Opaque(),
        "error": ValueError(f"no {PHONE}"),
    }
    assert mask_items(items) == {
        "n": 3,
        "number": "<phone>",
        "code": "<masked>",
        "name": None,
        "list": ["<phone>", {"city": "济南", "address": "<masked>"}],
        "<phone>": "key",
        "bytes": "<11 bytes>",
        "id": f"UUID('{UUID_TEXT}')",
        "at": "2026-03-01T00:00:00+00:00",
        "on": "2026-03-01",
        "object": "<Opaque phone=<masked>, <resident>>",
        "error": "no <phone>",
    }


def test_a_value_that_contains_itself_ends() -> None:
    loop: list[Any] = [PHONE]
    loop.append(loop)
    assert PHONE not in repr(mask_value(loop))


not_digits = st.text(st.characters(exclude_categories=["Nd", "Cs"]), max_size=30)
phones = st.from_regex(r"1[3-9][0-9]{9}", fullmatch=True)
resident_ids = st.builds(
    lambda region, born, order: (
        (body := f"{region}{born:%Y%m%d}{order:03d}") + resident_id_check_digit(body)
    ),
    st.integers(110000, 659999),
    st.dates(date(1900, 1, 1), date(2030, 12, 31)),
    st.integers(0, 999),
)
cards = st.from_regex(r"62[0-9]{14,17}", fullmatch=True)


@given(before=not_digits, secret=phones | resident_ids | cards, after=not_digits)
def test_numbers_are_masked_wherever_they_stand(before: str, secret: str, after: str) -> None:
    assert secret not in mask_text(before + secret + after)


@given(
    key=st.sampled_from(["name", "phone", "address", "code", "token", "resident_id"]),
    secret=st.text("张三李四王五经十路", min_size=2, max_size=12),
    form=st.sampled_from(["{k}={v}", "{k}: {v}", '"{k}": "{v}"', "'{k}': '{v}'", "({k})=({v})"]),
    before=st.text(st.characters(codec="ascii"), max_size=30),
    after=st.text(st.characters(codec="ascii"), max_size=30),
)
def test_fields_in_text_are_masked(
    key: str, secret: str, form: str, before: str, after: str
) -> None:
    text = form.format(k=key, v=secret)
    assert secret not in mask_text(f"{before} {text} {after}")
