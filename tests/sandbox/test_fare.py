"""Fare gates: a signed code opens once; trips cost what the stations say; debts close the gate."""

import asyncio
import base64
import secrets
import time
from datetime import UTC, datetime
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sandbox.systems.fare import metro_fare_fen
from tests.sandbox.serving import Client


@pytest.fixture
async def key(city: Client) -> Ed25519PrivateKey:
    made = Ed25519PrivateKey.generate()
    assert (await register(city, made))[0] == 200
    return made


async def register(city: Client, key: Ed25519PrivateKey, kid: str = "k1") -> Any:
    raw = base64.urlsafe_b64encode(key.public_key().public_bytes_raw()).decode().rstrip("=")
    return await city.put(f"/fare/keys/{kid}", {"public_key": raw})


def code(key: Ed25519PrivateKey, rider: str = "rider-1", kid: str = "k1", **changed: Any) -> str:
    now = int(time.time())
    claims = {"sub": rider, "jti": secrets.token_hex(8), "iat": now, "exp": now + 30}
    claims |= {"aud": "fare"}
    told = {name: value for name, value in (claims | changed).items() if value is not None}
    return jwt.encode(told, key, algorithm="EdDSA", headers={"kid": kid})


async def scan(city: Client, gate: str, code: str) -> Any:
    status, told = await city.post(f"/fare/gates/{gate}/scan", {"code": code})
    assert status == 200, told
    return told


async def trips(city: Client, **changed: str) -> Any:
    return (await city.post("/fare/trips/query", {"rider_ref": "rider-1"} | changed))[1]


@pytest.mark.parametrize(
    ("start", "end", "fen"),
    [("m01", "m01", 200), ("m01", "m05", 200), ("m06", "m01", 300), ("m01", "m24", 700)],
)
def test_a_fare_grows_with_the_stations(start: str, end: str, fen: int) -> None:
    assert metro_fare_fen(start, end) == fen


async def test_a_metro_trip(city: Client, key: Ed25519PrivateKey) -> None:
    entry = await scan(city, "m01-3", code(key))
    assert (entry["result"], entry["trip"]["status"]) == ("OPEN", "OPEN")
    leaving = await scan(city, "m06-1", code(key))
    trip = leaving["trip"]
    assert trip["trip_no"] == entry["trip"]["trip_no"]
    assert (trip["status"], trip["fare_fen"], trip["to_zh"]) == ("UNPAID", 300, "沙盒站6")
    assert await trips(city) == {"trips": [trip], "unpaid_fen": 300}
    paid_at = datetime.now(UTC).isoformat()
    payment = {"payment_ref": "pay-1", "amount_fen": 300, "paid_at": paid_at}
    path = f"/fare/trips/{trip['trip_no']}/payments"
    assert (await city.post(path, payment | {"amount_fen": 299}))[1]["code"] == "AMOUNT_MISMATCH"
    answers = await asyncio.gather(*(city.post(path, payment) for _ in range(5)))
    assert len({body["receipt_no"] for _, body in answers}) == 1
    assert (await city.post(path, payment | {"payment_ref": "pay-2"}))[1]["code"] == "ALREADY_PAID"
    assert await trips(city, status="UNPAID") == {"trips": [], "unpaid_fen": 0}


async def test_a_code_opens_once(city: Client, key: Ed25519PrivateKey) -> None:
    once = code(key)
    answers = await asyncio.gather(*(scan(city, "b07", once) for _ in range(10)))
    assert sorted(answer["result"] for answer in answers) == ["OPEN"] + ["REFUSED"] * 9
    assert {a["reason"] for a in answers if a["result"] == "REFUSED"} == {"REPLAYED"}
    assert len((await trips(city))["trips"]) == 1


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"exp": int(time.time()) - 10, "iat": int(time.time()) - 40}, "EXPIRED"),
        ({"exp": int(time.time()) + 3600}, "EXPIRED"),
        ({"iat": int(time.time()) + 3600, "exp": int(time.time()) + 3620}, "NOT_YET_VALID"),
        ({"aud": "school"}, "MALFORMED"),
        ({"jti": None}, "MALFORMED"),
        ({"exp": None}, "MALFORMED"),
        ({"kid": "k2"}, "UNKNOWN_KEY"),
    ],
)
async def test_a_bad_code_opens_nothing(
    city: Client, key: Ed25519PrivateKey, changed: dict[str, Any], reason: str
) -> None:
    told = await scan(city, "m01-1", code(key, **changed))
    assert (told["result"], told["reason"], told["trip"]) == ("REFUSED", reason, None)
    assert (await trips(city))["trips"] == []


async def test_a_forged_code_opens_nothing(city: Client, key: Ed25519PrivateKey) -> None:
    forged = code(Ed25519PrivateKey.generate())
    assert (await scan(city, "m01-1", forged))["reason"] == "BAD_SIGNATURE"
    unsigned = jwt.encode({"sub": "rider-1"}, None, algorithm="none", headers={"kid": "k1"})
    for rubbish in (unsigned, "a.b.c", "二维码", "x" * 100):
        assert (await scan(city, "m01-1", rubbish))["reason"] in ("MALFORMED", "UNKNOWN_KEY")


async def test_who_owes_three_trips_stays_outside(city: Client, key: Ed25519PrivateKey) -> None:
    for _ in range(3):
        assert (await scan(city, "b01", code(key)))["result"] == "OPEN"
    assert (await scan(city, "b01", code(key)))["reason"] == "UNPAID_TRIPS"
    assert (await scan(city, "b01", code(key, "rider-2")))["result"] == "OPEN"


async def test_a_key_keeps_its_name(city: Client, key: Ed25519PrivateKey) -> None:
    assert (await register(city, key))[0] == 200
    status, body = await register(city, Ed25519PrivateKey.generate())
    assert (status, body["code"]) == (409, "KID_REUSED")
    assert (await city.put("/fare/keys/k3", {"public_key": "short"}))[0] == 400


async def test_a_gate_is_somewhere(city: Client, key: Ed25519PrivateKey) -> None:
    status, body = await city.post("/fare/gates/m99-1/scan", {"code": code(key)})
    assert (status, body["code"]) == (404, "NO_SUCH_GATE")
