"""The parking operator: places with free spaces, and stays that are paid by number plate."""

import math
import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from sandbox.population.geography import Geography, Place
from sandbox.population.vehicles import PLATE, Vehicles
from sandbox.server.state import Row
from sandbox.server.system import SHANGHAI, City, Operation, System
from sandbox.server.wire import Body, Refusal, read_body, reply
from sandbox.shared import receipts
from sandbox.shared.receipts import Payment

SCHEMA = """
CREATE TABLE parking_session (
    session_id TEXT PRIMARY KEY, plate TEXT NOT NULL, place_id TEXT NOT NULL,
    entered_at TEXT NOT NULL, exit_by TEXT, exited_at TEXT
);
CREATE UNIQUE INDEX parking_session_inside ON parking_session (plate) WHERE exited_at IS NULL;
"""
PLACE_COUNT = 24
OBSERVED_EVERY = timedelta(minutes=2)
EXIT_GRACE = timedelta(minutes=15)
QUOTE_HOLDS = timedelta(minutes=20)
"""How long what was due goes on being taken: longer than any cashier stays open."""
DEMO_STAY = timedelta(minutes=95)
RADIUS_MAX_M = 20_000
USUAL_WEEKS = 8
SILENT_PLACE, SILENT_FOR = "p06", timedelta(hours=3)
CLOSED_PLACE, CHARGING_PLACES = "p07", ("p01", "p03", "p06", "p10")
WRONG_COUNTS = {"p08": -3, "p09": 9_999}
"""Sensors that count what cannot be."""
_KINDS = ("商业广场", "医院", "公园", "地铁换乘", "路内")


@dataclass(frozen=True)
class Tariff:
    """Minutes that are free, then a price for each begun unit, up to a bound for each day."""

    free_minutes: int
    unit_minutes: int
    unit_price_fen: int
    daily_cap_fen: int

    def charge_fen(self, stay: timedelta) -> int:
        """What a stay costs; the free minutes count once it is longer than they are."""
        minutes = math.ceil(stay / timedelta(minutes=1))
        if minutes <= self.free_minutes:
            return 0
        days, rest = divmod(minutes, 24 * 60)
        units = math.ceil(rest / self.unit_minutes)
        return days * self.daily_cap_fen + min(self.daily_cap_fen, units * self.unit_price_fen)


@dataclass(frozen=True)
class ParkingPlace:
    """A car park or a street with spaces."""

    place_id: str
    name_zh: str
    name_en: str
    at: Place
    total_spaces: int
    tariff: Tariff


class PlateQuery(Body):
    """Whose stay."""

    plate: str = Field(pattern=PLATE)


class Entry(Body):
    """A car that drives in."""

    plate: str = Field(pattern=PLATE)
    place_id: str = "p01"
    minutes_ago: int = Field(0, ge=0, le=20_000)
    leaves_first: bool = False


def list_places(geography: Geography) -> list[ParkingPlace]:
    """Every place, by number."""
    return [_place(geography, number) for number in range(1, PLACE_COUNT + 1)]


def _place(geography: Geography, number: int) -> ParkingPlace:
    draw = random.Random(f"{geography.seed}:parking:{number}")
    kind = draw.choice(_KINDS)
    tariff = Tariff(
        draw.choice((15, 30)), draw.choice((30, 60)), draw.choice((150, 200, 300)),
        draw.choice((2000, 3000, 5000)),
    )  # fmt: skip
    return ParkingPlace(
        f"p{number:02d}", f"沙盒{kind}{number}号停车场", f"Sandbox car park {number}",
        geography.somewhere(draw), draw.randrange(20, 600, 10), tariff,
    )  # fmt: skip


async def near(request: Request, city: City) -> Response:
    """Places around a point, nearest first, with free spaces and when they were counted; every
    place where no point is named.
    """
    places = list_places(city.geography)
    if not {"lat", "lon"} & request.query_params.keys():
        return reply({"places": [_describe_place(city, place) for place in places]})
    here = Place(_degrees(request, "lat", 90), _degrees(request, "lon", 180))
    radius_m = _degrees(request, "radius_m", RADIUS_MAX_M, 2000)
    found = [(here.distance_m(place.at), place) for place in places]
    near_by = sorted((pair for pair in found if pair[0] <= radius_m), key=lambda pair: pair[0])
    return reply({"places": [_describe_place(city, p) | {"distance_m": m} for m, p in near_by]})


async def usual(request: Request, city: City) -> Response:
    """How many spaces were free at this hour of this weekday in each of the last eight weeks."""
    now = city.now().astimezone(SHANGHAI)
    weeks = [now - timedelta(weeks=back) for back in range(1, USUAL_WEEKS + 1)]
    return reply(
        {
            "places": [
                {
                    "place_id": place.place_id,
                    "free_spaces": [place.total_spaces - _taken(city, place, at) for at in weeks],
                }
                for place in list_places(city.geography)
            ]
        }
    )


async def read_place(request: Request, city: City) -> Response:
    """One place; 404 NO_SUCH_PLACE."""
    return reply(_describe_place(city, _get_place(city, request.path_params["place_id"])))


async def query_sessions(request: Request, city: City) -> Response:
    """The stays of a plate that are not over, with what is due now."""
    plate = (await read_body(request, PlateQuery)).plate
    with city.state.transaction():
        _park_demo_car(city, plate)
        rows = city.state.all(
            "SELECT * FROM parking_session WHERE plate = ? AND exited_at IS NULL", (plate,)
        )
    return reply({"sessions": [_describe(city, row) for row in rows]})


async def read_session(request: Request, city: City) -> Response:
    """One stay, with what is due now; 404 NO_SUCH_SESSION."""
    return reply(_describe(city, _get(city, request.path_params["session_id"])))


async def pay(request: Request, city: City) -> Response:
    """Write a payment off and open the barrier for a quarter of an hour."""
    session_id = request.path_params["session_id"]
    payment = await read_body(request, Payment)

    def settle() -> None:
        session = _get(city, session_id)
        if session["exited_at"] is not None:
            raise Refusal(409, "ALREADY_LEFT", "the car has left")
        minutes = range(int(QUOTE_HOLDS / timedelta(minutes=1)) + 1)
        asked_at = (payment.paid_at - timedelta(minutes=back) for back in minutes)
        due = {_due_fen(city, session, moment) for moment in asked_at}
        if payment.amount_fen not in due:
            raise Refusal(422, "AMOUNT_MISMATCH", f"due: {max(due)} fen")
        exit_by = (payment.paid_at + EXIT_GRACE).astimezone(UTC).isoformat()
        city.state.run(
            "UPDATE parking_session SET exit_by = ? WHERE session_id = ?", (exit_by, session_id)
        )

    receipt = receipts.record(city, "parking", session_id, payment, settle)
    exit_by = _local(_get(city, session_id)["exit_by"])
    return reply(receipts.describe(receipt) | {"exit_by": exit_by})


async def find_payment(request: Request, city: City) -> Response:
    """The receipt of a payment, with the exit deadline as it is now; 404 NO_SUCH_PAYMENT."""
    receipt = receipts.find(city, "parking", request.path_params["payment_ref"])
    if receipt is None:
        raise Refusal(404, "NO_SUCH_PAYMENT", "this payment was not recorded")
    exit_by = _local(_get(city, receipt["payable_no"])["exit_by"])
    return reply(receipts.describe(receipt) | {"exit_by": exit_by})


async def enter(request: Request, city: City) -> Response:
    """A car drives in now, or did so some minutes ago; 409 ALREADY_INSIDE.

    With `leaves_first` it drives out of wherever it is before, whatever it owes there.
    """
    entry = await read_body(request, Entry)
    place = _get_place(city, entry.place_id)
    with city.state.transaction():
        if entry.leaves_first:
            city.state.run(
                "UPDATE parking_session SET exited_at = ? WHERE plate = ? AND exited_at IS NULL",
                (city.now().astimezone(UTC).isoformat(), entry.plate),
            )
        inside = city.state.one(
            "SELECT 1 FROM parking_session WHERE plate = ? AND exited_at IS NULL", (entry.plate,)
        )
        if inside is not None:
            raise Refusal(409, "ALREADY_INSIDE", "this plate is inside somewhere")
        row = _park(city, entry.plate, place.place_id, timedelta(minutes=entry.minutes_ago))
    return reply(_describe(city, row), 201)


async def leave(request: Request, city: City) -> Response:
    """The car is at the barrier: 402 NOT_PAID while something is due."""
    with city.state.transaction():
        session = _get(city, request.path_params["session_id"])
        if session["exited_at"] is None and _due_fen(city, session, city.now()) > 0:
            raise Refusal(402, "NOT_PAID", "something is due")
        city.state.run(
            "UPDATE parking_session SET exited_at = coalesce(exited_at, ?) WHERE session_id = ?",
            (city.now().astimezone(UTC).isoformat(), session["session_id"]),
        )
    return reply(_describe(city, _get(city, session["session_id"])))


def _due_fen(city: City, session: Row, moment: datetime) -> int:
    """What is due at a moment: nothing within the grace after a payment, else all not yet paid."""
    exit_by = session["exit_by"]
    if exit_by is not None and moment <= datetime.fromisoformat(exit_by):
        return 0
    stay = max(timedelta(), moment - datetime.fromisoformat(session["entered_at"]))
    charged_fen = _get_place(city, session["place_id"]).tariff.charge_fen(stay)
    return max(0, charged_fen - receipts.paid_fen(city, "parking", session["session_id"]))


def _park_demo_car(city: City, plate: str) -> None:
    """A demo car stands somewhere for an hour and a half, once a day."""
    vehicle = Vehicles(city.settings.seed, city.population, city.today()).find(plate)
    since = datetime.combine(city.today(), datetime.min.time(), SHANGHAI) - timedelta(days=1)
    known = city.state.one(
        "SELECT 1 FROM parking_session WHERE plate = ? AND entered_at >= ?",
        (plate, since.astimezone(UTC).isoformat()),
    )
    if vehicle is not None and vehicle.owner in city.population.demo and known is None:
        _park(city, plate, "p01", DEMO_STAY)


def _park(city: City, plate: str, place_id: str, stay: timedelta) -> Row:
    session_id = f"PS{city.serial('parking_session')}"
    entered_at = (city.now() - stay).astimezone(UTC).isoformat(timespec="seconds")
    city.state.run(
        "INSERT INTO parking_session (session_id, plate, place_id, entered_at) VALUES (?, ?, ?, ?)",
        (session_id, plate, place_id, entered_at),
    )
    return _get(city, session_id)


def _get(city: City, session_id: str) -> Row:
    row = city.state.one("SELECT * FROM parking_session WHERE session_id = ?", (session_id,))
    if row is None:
        raise Refusal(404, "NO_SUCH_SESSION", "no such stay")
    return row


def _get_place(city: City, place_id: str) -> ParkingPlace:
    for place in list_places(city.geography):
        if place.place_id == place_id:
            return place
    raise Refusal(404, "NO_SUCH_PLACE", "no such car park")


def _describe(city: City, session: Row) -> dict[str, object]:
    return {
        "session_id": session["session_id"],
        "plate": session["plate"],
        "place": _describe_place(city, _get_place(city, session["place_id"])),
        "entered_at": _local(session["entered_at"]),
        "quoted_at": _local(city.now().isoformat()),
        "quote_holds_until": _local((city.now() + QUOTE_HOLDS).isoformat()),
        "amount_due_fen": 0 if session["exited_at"] else _due_fen(city, session, city.now()),
        "paid_fen": receipts.paid_fen(city, "parking", session["session_id"]),
        "exit_by": _local(session["exit_by"]),
        "exited_at": _local(session["exited_at"]),
    }


def _describe_place(city: City, place: ParkingPlace) -> dict[str, object]:
    step_s = OBSERVED_EVERY.total_seconds()
    silent_for = SILENT_FOR if place.place_id == SILENT_PLACE else timedelta()
    counted = (city.now() - silent_for).timestamp() // step_s * step_s
    observed_at = datetime.fromtimestamp(counted, SHANGHAI)
    free = place.total_spaces - _taken(city, place, observed_at)
    chargers = place.total_spaces // 20 if place.place_id in CHARGING_PLACES else 0
    return {
        "place_id": place.place_id,
        "name_zh": place.name_zh,
        "name_en": place.name_en,
        "lat": place.at.lat,
        "lon": place.at.lon,
        "coordinate_system": "WGS 84",
        "status": "CLOSED" if place.place_id == CLOSED_PLACE else "OPEN",
        "total_spaces": place.total_spaces,
        "free_spaces": WRONG_COUNTS.get(place.place_id, free),
        "observed_at": observed_at.isoformat(timespec="seconds"),
        "chargers": {"total": chargers, "free": chargers * free // place.total_spaces},
        "tariff": {
            "free_minutes": place.tariff.free_minutes,
            "unit_minutes": place.tariff.unit_minutes,
            "unit_price_fen": place.tariff.unit_price_fen,
            "daily_cap_fen": place.tariff.daily_cap_fen,
        },
    }


def _taken(city: City, place: ParkingPlace, at: datetime) -> int:
    """Fewest at three in the morning, most in the afternoon."""
    busy = 0.55 - 0.4 * math.cos((at.hour + at.minute / 60 - 3) * math.tau / 24)
    counted = int(at.timestamp() // OBSERVED_EVERY.total_seconds())
    noise = random.Random(f"{city.settings.seed}:{place.place_id}:{counted}").uniform(-0.05, 0.05)
    return round(place.total_spaces * min(1.0, max(0.0, busy + noise)))


def _degrees(request: Request, name: str, most: float, default: float | None = None) -> float:
    text = request.query_params.get(name)
    try:
        value = float(text) if text is not None else default
    except ValueError:
        value = None
    if value is None or not -most <= value <= most:
        raise Refusal(400, "INVALID_REQUEST", f"{name} must be a number up to {most}")
    return value


def _local(text: str | None) -> str | None:
    if text is None:
        return None
    return datetime.fromisoformat(text).astimezone(SHANGHAI).isoformat(timespec="seconds")


SYSTEMS = (
    System(
        name="parking",
        title_zh="停车运营企业",
        title_en="Parking operator",
        schema=SCHEMA,
        operations=(
            Operation("near", "GET", "/parking/places", near),
            Operation("usual", "GET", "/parking/usual", usual),
            Operation("read_place", "GET", "/parking/places/{place_id}", read_place),
            Operation("query_sessions", "POST", "/parking/sessions/query", query_sessions),
            Operation("read_session", "GET", "/parking/sessions/{session_id}", read_session),
            Operation("pay", "POST", "/parking/sessions/{session_id}/payments", pay),
            Operation("find_payment", "GET", "/parking/payments/{payment_ref}", find_payment),
        ),
        controls=(
            Operation("enter", "POST", "/_control/parking/sessions", enter),
            Operation("leave", "POST", "/_control/parking/sessions/{session_id}/exit", leave),
        ),
    ),
)  # fmt: skip
