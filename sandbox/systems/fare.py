"""Fare clearing: gates that believe a signed ride code once, trips, fares, and what is unpaid."""

import base64
import binascii
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from sandbox.server.state import Row
from sandbox.server.system import SHANGHAI, City, Operation, System
from sandbox.server.wire import Body, Refusal, read_body, reply
from sandbox.shared import receipts
from sandbox.shared.receipts import Payment

SCHEMA = """
CREATE TABLE fare_key (kid TEXT PRIMARY KEY, public_key BLOB NOT NULL);
CREATE TABLE fare_used_code (jti TEXT PRIMARY KEY);
CREATE TABLE fare_trip (
    trip_no TEXT PRIMARY KEY, rider_ref TEXT NOT NULL, mode TEXT NOT NULL,
    from_id TEXT NOT NULL, to_id TEXT, entered_at TEXT NOT NULL, exited_at TEXT,
    fare_fen INTEGER, status TEXT NOT NULL CHECK (status IN ('OPEN', 'UNPAID', 'PAID'))
);
CREATE INDEX fare_trip_rider ON fare_trip (rider_ref, entered_at);
CREATE UNIQUE INDEX fare_trip_open ON fare_trip (rider_ref) WHERE status = 'OPEN';
"""
AUDIENCE = "fare"
CODE_LIFETIME_MAX = timedelta(seconds=60)
CLOCK_SKEW = timedelta(seconds=5)
UNPAID_MAX = 3
BUS_FARE_FEN = 200
METRO_BASE_FEN, METRO_STEP_FEN, METRO_STEP_STATIONS = 200, 100, 4
METRO_MAX_FEN = 800
STATIONS = tuple(
    (f"m{number:02d}", f"沙盒站{number}", f"Shahe {number}") for number in range(1, 25)
)
BUS_LINES = tuple((f"b{number:02d}", f"{number}路", f"Bus {number}") for number in range(1, 41))
_PLACES = {code: (zh, en) for code, zh, en in (*STATIONS, *BUS_LINES)}


class NewKey(Body):
    """An Ed25519 public key, its 32 bytes in unpadded base64url (a JWK's `x`)."""

    public_key: str = Field(pattern=r"^[A-Za-z0-9_-]{43}$")


class Scan(Body):
    """What the reader saw."""

    code: str = Field(min_length=1, max_length=2000)


class TripQuery(Body):
    """Whose trips."""

    rider_ref: str = Field(min_length=1, max_length=64)
    status: str | None = Field(None, pattern=r"^(OPEN|UNPAID|PAID)$")


@dataclass(frozen=True)
class Ride:
    """What a good code says: who rides, and the number that makes the code usable once."""

    rider_ref: str
    jti: str


class Turned(Exception):
    """The gate stays shut, for this reason."""


async def register_key(request: Request, city: City) -> Response:
    """Believe codes signed by this key; the same key again changes nothing, 409 another one."""
    body = await read_body(request, NewKey)
    kid = request.path_params["kid"]
    try:
        raw = base64.urlsafe_b64decode(body.public_key + "=")
        Ed25519PublicKey.from_public_bytes(raw)
    except (binascii.Error, ValueError):
        raise Refusal(400, "INVALID_REQUEST", "public_key is no Ed25519 key") from None
    with city.state.transaction():
        known = city.state.one("SELECT public_key FROM fare_key WHERE kid = ?", (kid,))
        if known is not None and known["public_key"] != raw:
            raise Refusal(409, "KID_REUSED", "this kid names another key")
        city.state.run("INSERT OR IGNORE INTO fare_key VALUES (?, ?)", (kid, raw))
    return reply({"kid": kid})


async def scan(request: Request, city: City) -> Response:
    """A code at a gate: OPEN with the trip, or REFUSED with the reason. 404 NO_SUCH_GATE."""
    gate = request.path_params["gate"]
    place_id = gate.partition("-")[0]
    if place_id not in _PLACES:
        raise Refusal(404, "NO_SUCH_GATE", "gates are {m01…m24 or b01…b40}-{anything}")
    code = (await read_body(request, Scan)).code
    with city.state.transaction():
        try:
            ride = _believe(city, code)
            trip = _pass(city, ride, place_id)
        except Turned as turned:
            return reply({"result": "REFUSED", "reason": str(turned), "trip": None})
        city.state.run("INSERT INTO fare_used_code VALUES (?)", (ride.jti,))
    return reply({"result": "OPEN", "reason": None, "trip": _describe(trip)})


async def query_trips(request: Request, city: City) -> Response:
    """A rider's trips, newest first, and what is unpaid."""
    body = await read_body(request, TripQuery)
    rows = city.state.all(
        "SELECT * FROM fare_trip WHERE rider_ref = ?1 AND (?2 IS NULL OR status = ?2) "
        "ORDER BY entered_at DESC, trip_no DESC LIMIT 500",
        (body.rider_ref, body.status),
    )
    unpaid_fen = sum(row["fare_fen"] for row in _unpaid(city, body.rider_ref))
    return reply({"trips": [_describe(row) for row in rows], "unpaid_fen": unpaid_fen})


async def read_trip(request: Request, city: City) -> Response:
    """One trip; 404 NO_SUCH_TRIP."""
    return reply(_describe(_get(city, request.path_params["trip_no"])))


async def pay(request: Request, city: City) -> Response:
    """Write a payment off for one trip."""
    trip_no = request.path_params["trip_no"]
    payment = await read_body(request, Payment)

    def settle() -> None:
        trip = _get(city, trip_no)
        if trip["status"] == "PAID":
            raise Refusal(409, "ALREADY_PAID", "another payment settled the trip")
        if trip["status"] == "OPEN" or payment.amount_fen != trip["fare_fen"]:
            raise Refusal(422, "AMOUNT_MISMATCH", f"due: {trip['fare_fen'] or 0} fen")
        city.state.run("UPDATE fare_trip SET status = 'PAID' WHERE trip_no = ?", (trip_no,))

    return reply(receipts.describe(receipts.record(city, "fare", trip_no, payment, settle)))


def _believe(city: City, code: str) -> Ride:
    """What the code says, if it is signed by a known key, fresh, and was not used."""
    try:
        kid = jwt.get_unverified_header(code).get("kid", "")
        row = city.state.one("SELECT public_key FROM fare_key WHERE kid = ?", (str(kid),))
        if row is None:
            raise Turned("UNKNOWN_KEY")
        claims: dict[str, Any] = jwt.decode(
            code,
            Ed25519PublicKey.from_public_bytes(row["public_key"]),
            algorithms=["EdDSA"],
            audience=AUDIENCE,
            options={
                "require": ["sub", "jti", "iat", "exp", "aud"],
                "verify_exp": False,
                "verify_nbf": False,
                "verify_iat": False,
            },
        )
        issued_at, expires_at = float(claims["iat"]), float(claims["exp"])
        begins_at = max(issued_at, float(claims.get("nbf", issued_at)))
    except jwt.InvalidSignatureError:
        raise Turned("BAD_SIGNATURE") from None
    except (jwt.PyJWTError, TypeError, ValueError):
        raise Turned("MALFORMED") from None
    now, skew_s = city.now().timestamp(), CLOCK_SKEW.total_seconds()
    if begins_at > now + skew_s:
        raise Turned("NOT_YET_VALID")
    if expires_at < now or expires_at - issued_at > CODE_LIFETIME_MAX.total_seconds():
        raise Turned("EXPIRED")
    if city.state.one("SELECT 1 FROM fare_used_code WHERE jti = ?", (claims["jti"],)) is not None:
        raise Turned("REPLAYED")
    return Ride(claims["sub"], claims["jti"])


def _pass(city: City, ride: Ride, place_id: str) -> Row:
    """Let the rider through: aboard a bus, into the metro, or out of it with the fare."""
    now = city.now().astimezone(UTC).isoformat(timespec="seconds")
    opened = city.state.one(
        "SELECT * FROM fare_trip WHERE rider_ref = ? AND status = 'OPEN'", (ride.rider_ref,)
    )
    if opened is not None and place_id.startswith("m"):
        city.state.run(
            "UPDATE fare_trip SET to_id = ?, exited_at = ?, fare_fen = ?, status = 'UNPAID' "
            "WHERE trip_no = ?",
            (place_id, now, metro_fare_fen(opened["from_id"], place_id), opened["trip_no"]),
        )
        return _get(city, opened["trip_no"])
    if len(_unpaid(city, ride.rider_ref)) >= UNPAID_MAX:
        raise Turned("UNPAID_TRIPS")
    trip_no = f"TR{city.serial('fare_trip')}"
    bus = place_id.startswith("b")
    city.state.run(
        "INSERT INTO fare_trip VALUES (?, ?, ?, ?, NULL, ?, NULL, ?, ?)",
        (trip_no, ride.rider_ref, "BUS" if bus else "METRO", place_id, now,
         BUS_FARE_FEN if bus else None, "UNPAID" if bus else "OPEN"),
    )  # fmt: skip
    return _get(city, trip_no)


def metro_fare_fen(from_id: str, to_id: str) -> int:
    """2 yuan for up to four stations, 1 yuan for each four more, at most 8 yuan."""
    stations = abs(int(from_id[1:]) - int(to_id[1:]))
    steps = max(0, -(-stations // METRO_STEP_STATIONS) - 1)
    return min(METRO_MAX_FEN, METRO_BASE_FEN + steps * METRO_STEP_FEN)


def _unpaid(city: City, rider_ref: str) -> list[Row]:
    return city.state.all(
        "SELECT * FROM fare_trip WHERE rider_ref = ? AND status = 'UNPAID'", (rider_ref,)
    )


def _get(city: City, trip_no: str) -> Row:
    row = city.state.one("SELECT * FROM fare_trip WHERE trip_no = ?", (trip_no,))
    if row is None:
        raise Refusal(404, "NO_SUCH_TRIP", "no such trip")
    return row


def _describe(trip: Row) -> dict[str, object]:
    from_zh, from_en = _PLACES[trip["from_id"]]
    to_zh, to_en = _PLACES.get(trip["to_id"], (None, None))
    return {
        "trip_no": trip["trip_no"],
        "rider_ref": trip["rider_ref"],
        "mode": trip["mode"],
        "from_id": trip["from_id"],
        "from_zh": from_zh,
        "from_en": from_en,
        "to_id": trip["to_id"],
        "to_zh": to_zh,
        "to_en": to_en,
        "entered_at": _local(trip["entered_at"]),
        "exited_at": _local(trip["exited_at"]),
        "fare_fen": trip["fare_fen"],
        "status": trip["status"],
    }


def _local(text: str | None) -> str | None:
    return None if text is None else datetime.fromisoformat(text).astimezone(SHANGHAI).isoformat()


SYSTEMS = (
    System(
        name="fare",
        title_zh="交通一卡通清分中心",
        title_en="Fare clearing",
        schema=SCHEMA,
        operations=(
            Operation("register_key", "PUT", "/fare/keys/{kid}", register_key),
            Operation("scan", "POST", "/fare/gates/{gate}/scan", scan),
            Operation("query_trips", "POST", "/fare/trips/query", query_trips),
            Operation("read_trip", "GET", "/fare/trips/{trip_no}", read_trip),
            Operation("pay", "POST", "/fare/trips/{trip_no}/payments", pay),
            Operation(
                "find_payment", "GET", "/fare/payments/{payment_ref}", receipts.finder("fare")
            ),
        ),
    ),
)
