"""Traffic police and non-tax revenue platform: a violation, the order to pay it, its receipt."""

import random
import struct
import zlib
from datetime import UTC, date, datetime, timedelta

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from core.money import portion_bps
from sandbox.population.people import DemoPerson
from sandbox.population.vehicles import PLATE, Vehicle
from sandbox.server.state import Row
from sandbox.server.system import SHANGHAI, City, Operation, System
from sandbox.server.wire import Body, Refusal, read_body, reply
from sandbox.shared import receipts
from sandbox.shared.documents import TRAFFIC, Whom, find_whom
from sandbox.shared.permits import find_vehicle, vehicle_of
from sandbox.shared.receipts import Payment
from sandbox.shared.registry import PersonQuery

SCHEMA = """
CREATE TABLE traffic_violation (
    violation_no TEXT PRIMARY KEY, plate TEXT NOT NULL, resident_id TEXT NOT NULL,
    committed_at TEXT NOT NULL, place TEXT NOT NULL, offence TEXT NOT NULL,
    decision_no TEXT UNIQUE, order_no TEXT UNIQUE, confirmed_on TEXT, paid_on TEXT,
    withdrawn INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX traffic_violation_plate ON traffic_violation (plate);
"""
DAYS_TO_PAY = 15
LATE_FEE_DAILY_BPS = 300
OFFENCES = {
    "10391": ("违反规定停放机动车", "Parking where it is not allowed", 0, 10_000),
    "13450": ("驾驶时拨打接听手持电话", "Using a hand-held phone while driving", 2, 20_000),
    "16251": ("违反交通信号灯通行", "Passing a red light", 6, 20_000),
    "13523": ("超速百分之二十以上未达百分之五十", "Speeding by 20 to 50 per cent", 6, 20_000),
    "60111": ("未按规定使用安全带", "Seat belt not worn", 0, 5_000),
}
GRAVE_OFFENCES = {
    "60431": ("超速百分之五十以上", "Speeding by more than 50 per cent", 12, 200_000),
}
"""May cost the licence, so a hearing decides them; none is drawn by chance."""
KNOWN = OFFENCES | GRAVE_OFFENCES
"""Code, Chinese and English name, points, fine in fen."""
POINTS_A_CYCLE = 12
_PLACES = (
    ("示范路与样例街交叉口", "Shifan Road at Yangli Street"),
    ("沙盒大道北段", "Shahe Avenue, north"),
    ("演示高架桥东向西", "Yanshi viaduct, westbound"),
)


class OwnerQuery(PersonQuery):
    """Whose violations, perhaps of one plate."""

    plate: str | None = Field(None, pattern=PLATE)


class RemovalOrder(Whom):
    """Whose violation is removed, by which case, on which ground."""

    case_no: str = Field(min_length=1, max_length=40)
    ground: str = Field(min_length=1, max_length=20)


class NewViolation(Body):
    """A violation to record now."""

    plate: str = Field(pattern=PLATE)
    offence_code: str = "10391"


async def query(request: Request, city: City) -> Response:
    """The violations of a person's car, newest first; 404 NO_VEHICLE, 403 NOT_OWNER."""
    body = await read_body(request, OwnerQuery)
    vehicle = _vehicle_of(city, body)
    if body.plate not in (None, vehicle.plate):
        raise Refusal(403, "NOT_OWNER", "非本人名下机动车 / not this person's car")
    with city.state.transaction():
        _commit_demo_violations(city, vehicle)
        rows = city.state.all(
            "SELECT * FROM traffic_violation WHERE plate = ? "
            "ORDER BY committed_at DESC, violation_no DESC",
            (vehicle.plate,),
        )
    settled_points = sum(KNOWN[r["offence"]][2] for r in rows if r["confirmed_on"])
    return reply(
        {"violations": [_describe(row) for row in rows], "points_confirmed": settled_points}
    )


async def confirm(request: Request, city: City) -> Response:
    """Accept a violation: its decision and the order to pay. Repeating it changes nothing."""
    body = await read_body(request, Whom)
    with city.state.transaction():
        violation = _get(city, "violation_no", request.path_params["violation_no"])
        _require_owner(city, violation, body)
        if violation["withdrawn"]:
            raise Refusal(410, "VIOLATION_REMOVED", "违法记录已消除 / the record is removed")
        if violation["offence"] in GRAVE_OFFENCES:
            raise Refusal(409, "NEEDS_HEARING", "须到窗口处理 / decided at the office")
        if violation["order_no"] is None:
            city.state.run(
                "UPDATE traffic_violation SET decision_no = ?, order_no = ?, confirmed_on = ? "
                "WHERE violation_no = ?",
                (f"PD{city.serial('fine_decision')}", f"FS{city.serial('fine_order')}",
                 city.today().isoformat(), violation["violation_no"]),
            )  # fmt: skip
    return reply(_describe(_get(city, "violation_no", violation["violation_no"])))


async def remove(request: Request, city: City) -> Response:
    """Remove a violation that was objected to with reason. Repeating it changes nothing."""
    body = await read_body(request, RemovalOrder)
    with city.state.transaction():
        violation = _get(city, "violation_no", request.path_params["violation_no"])
        _require_owner(city, violation, body)
        if violation["order_no"] is not None:
            raise Refusal(409, "ALREADY_ACCEPTED", "已确认处理 / accepted already")
        city.state.run(
            "UPDATE traffic_violation SET withdrawn = 1 WHERE violation_no = ?",
            (violation["violation_no"],),
        )
    return reply(_describe(_get(city, "violation_no", violation["violation_no"])))


async def licence(request: Request, city: City) -> Response:
    """A person's driving licence and the points of this cycle; 404 NO_LICENCE."""
    body = await read_body(request, PersonQuery)
    person = find_whom(city, body, TRAFFIC)
    if person is None or person.age_on(city.today()) < 19:
        raise Refusal(404, "NO_LICENCE", "无驾驶证 / no licence")
    issued_on = person.born_on.replace(year=person.born_on.year + 19, day=1)
    years = city.today().year - issued_on.year
    begins = issued_on.replace(year=issued_on.year + years)
    if begins > city.today():
        begins = issued_on.replace(year=issued_on.year + years - 1)
    rows = city.state.all(
        "SELECT offence FROM traffic_violation WHERE resident_id = ? AND confirmed_on >= ?",
        (body.number, begins.isoformat()),
    )
    return reply(
        {
            "classes": "C1",
            "issued_on": issued_on.isoformat(),
            "cycle_begins_on": begins.isoformat(),
            "cycle_ends_on": begins.replace(year=begins.year + 1).isoformat(),
            "points_used": sum(KNOWN[row["offence"]][2] for row in rows),
            "points_most": POINTS_A_CYCLE,
        }
    )


async def evidence(request: Request, city: City) -> Response:
    """The picture of a violation, a grey one; 403 NOT_OWNER."""
    body = await read_body(request, PersonQuery)
    violation = _get(city, "violation_no", request.path_params["violation_no"])
    _require_owner(city, violation, body)
    return Response(_picture(violation["violation_no"]), 200, media_type="image/png")


def _picture(name: str, side: int = 48) -> bytes:
    """A grey PNG, another for each name."""
    grey = random.Random(name).randbytes(side * side)
    rows = b"".join(b"\0" + grey[row * side : (row + 1) * side] for row in range(side))
    head = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )


async def read_order(request: Request, city: City) -> Response:
    """An order to pay as of today; 404 NO_SUCH_ORDER."""
    return reply(_describe_order(city, _get(city, "order_no", request.path_params["order_no"])))


async def pay(request: Request, city: City) -> Response:
    """Write a payment off; the receipt number is that of the electronic non-tax receipt."""
    order_no = request.path_params["order_no"]
    payment = await read_body(request, Payment)

    def settle() -> None:
        order = _get(city, "order_no", order_no)
        if order["withdrawn"]:
            raise Refusal(410, "ORDER_WITHDRAWN", "the order is withdrawn and takes no payment")
        if order["paid_on"] is not None:
            raise Refusal(409, "ALREADY_PAID", "another payment settled the order")
        paid_on = payment.paid_at.astimezone(SHANGHAI).date()
        due = {_due_fen(order, paid_on - timedelta(days=back)) for back in (0, 1)}
        if payment.amount_fen not in due:
            raise Refusal(422, "AMOUNT_MISMATCH", f"due: {max(due)} fen")
        city.state.run(
            "UPDATE traffic_violation SET paid_on = ? WHERE order_no = ?", (str(paid_on), order_no)
        )

    return reply(receipts.describe(receipts.record(city, "fines", order_no, payment, settle)))


async def commit(request: Request, city: City) -> Response:
    """A camera takes a picture."""
    body = await read_body(request, NewViolation)
    if body.offence_code not in KNOWN:
        raise Refusal(400, "INVALID_REQUEST", f"offence_code: one of {', '.join(KNOWN)}")
    vehicle = find_vehicle(city, body.plate)
    if vehicle is None:
        raise Refusal(404, "NO_VEHICLE", "no such car")
    with city.state.transaction():
        number = f"WF{city.serial('violation')}"
        _insert(city, number, vehicle, city.now(), body.offence_code)
    return reply(_describe(_get(city, "violation_no", number)), 201)


async def withdraw(request: Request, city: City) -> Response:
    """Take an unpaid order back for good."""
    with city.state.transaction():
        order = _get(city, "order_no", request.path_params["order_no"])
        if order["paid_on"] is not None:
            raise Refusal(409, "ALREADY_PAID", "the order is paid")
        city.state.run(
            "UPDATE traffic_violation SET withdrawn = 1 WHERE order_no = ?", (order["order_no"],)
        )
    return reply(_describe_order(city, _get(city, "order_no", order["order_no"])))


def _vehicle_of(city: City, owner: Whom) -> Vehicle:
    person = find_whom(city, owner, TRAFFIC)
    vehicle = None if person is None else vehicle_of(city, person)
    if vehicle is None:
        raise Refusal(404, "NO_VEHICLE", "名下无机动车 / no car in this name")
    return vehicle


def _require_owner(city: City, violation: Row, whom: Whom) -> None:
    """Raises Refusal as `find_whom`, and 403 NOT_OWNER."""
    find_whom(city, whom, TRAFFIC)
    if violation["resident_id"] != whom.number:
        raise Refusal(403, "NOT_OWNER", "非本人违法记录 / not this person's violation")


def _commit_demo_violations(city: City, vehicle: Vehicle) -> None:
    """Three violations of each demo car, some of the others', dated before today for ever."""
    draw = random.Random(f"{city.settings.seed}:violations:{vehicle.plate}")
    count = 3 if isinstance(vehicle.owner, DemoPerson) else draw.choice((0, 0, 0, 1, 2))
    for n in range(count):
        number = f"WF{vehicle.plate[-5:]}{n:013d}"
        days, code = draw.randint(3, 60), draw.choice(sorted(OFFENCES))
        if city.state.one("SELECT 1 FROM traffic_violation WHERE violation_no = ?", (number,)):
            continue
        _insert(city, number, vehicle, city.now() - timedelta(days=days, minutes=7 * days), code)


def _insert(
    city: City, number: str, vehicle: Vehicle, committed_at: datetime, offence: str
) -> None:
    place = random.Random(number).choice(_PLACES)
    city.state.run(
        "INSERT INTO traffic_violation (violation_no, plate, resident_id, committed_at, place, "
        "offence) VALUES (?, ?, ?, ?, ?, ?)",
        (number, vehicle.plate, vehicle.owner.resident_id,
         committed_at.astimezone(UTC).isoformat(timespec="seconds"), "|".join(place), offence),
    )  # fmt: skip


def _get(city: City, column: str, value: str) -> Row:
    query = f"SELECT * FROM traffic_violation WHERE {column} = ?"  # noqa: S608 - our own names
    row = city.state.one(query, (value,))
    if row is None:
        code = "NO_SUCH_ORDER" if column == "order_no" else "NO_SUCH_VIOLATION"
        raise Refusal(404, code, "no such number")
    return row


def _due_on(order: Row) -> date:
    return date.fromisoformat(order["confirmed_on"]) + timedelta(days=DAYS_TO_PAY)


def _late_fen(order: Row, day: date) -> int:
    """3 % of the fine for each day late, never more than the fine itself."""
    fine_fen = KNOWN[order["offence"]][3]
    days = max(0, (day - _due_on(order)).days)
    return min(fine_fen, portion_bps(fine_fen, LATE_FEE_DAILY_BPS) * days)


def _due_fen(order: Row, day: date) -> int:
    return KNOWN[order["offence"]][3] + _late_fen(order, day)


def _status(row: Row) -> str:
    if row["withdrawn"]:
        return "WITHDRAWN"
    if row["paid_on"] is not None:
        return "SETTLED"
    return "UNCONFIRMED" if row["order_no"] is None else "UNPAID"


def _describe(row: Row) -> dict[str, object]:
    offence_zh, offence_en, points, fine_fen = KNOWN[row["offence"]]
    place_zh, place_en = row["place"].split("|")
    committed_at = datetime.fromisoformat(row["committed_at"]).astimezone(SHANGHAI)
    return {
        "violation_no": row["violation_no"],
        "plate": row["plate"],
        "committed_at": committed_at.isoformat(timespec="seconds"),
        "place_zh": place_zh,
        "place_en": place_en,
        "offence_code": row["offence"],
        "offence_zh": offence_zh,
        "offence_en": offence_en,
        "points": points,
        "fine_fen": fine_fen,
        "status": _status(row),
        "decision_no": row["decision_no"],
        "order_no": row["order_no"],
        "needs_hearing": row["offence"] in GRAVE_OFFENCES,
    }


def _describe_order(city: City, order: Row) -> dict[str, object]:
    late_fen = _late_fen(order, city.today()) if order["paid_on"] is None else 0
    fine_fen = KNOWN[order["offence"]][3]
    return {
        "order_no": order["order_no"],
        "decision_no": order["decision_no"],
        "violation_no": order["violation_no"],
        "title_zh": KNOWN[order["offence"]][0],
        "title_en": KNOWN[order["offence"]][1],
        "amount_fen": fine_fen,
        "late_fee_fen": late_fen,
        "total_fen": fine_fen + late_fen,
        "due_on": _due_on(order).isoformat(),
        "status": _status(order),
    }


_VIOLATIONS = "/traffic-police/violations"

SYSTEMS = (
    System(
        name="traffic_police",
        title_zh="交警违法处理平台",
        title_en="Traffic police",
        schema=SCHEMA,
        operations=(
            Operation("query", "POST", f"{_VIOLATIONS}/query", query),
            Operation("confirm", "POST", f"{_VIOLATIONS}/{{violation_no}}/confirm", confirm),
            Operation("remove", "POST", f"{_VIOLATIONS}/{{violation_no}}/removal", remove),
            Operation("evidence", "POST", f"{_VIOLATIONS}/{{violation_no}}/evidence", evidence),
            Operation("licence", "POST", "/traffic-police/licence/query", licence),
        ),
        controls=(Operation("commit", "POST", f"/_control{_VIOLATIONS}", commit),),
    ),
    System(
        name="fines",
        title_zh="非税收入收缴平台",
        title_en="Non-tax revenue platform",
        operations=(
            Operation("read_order", "GET", "/fines/orders/{order_no}", read_order),
            Operation("pay", "POST", "/fines/orders/{order_no}/payments", pay),
            Operation(
                "find_payment", "GET", "/fines/payments/{payment_ref}", receipts.finder("fines")
            ),
        ),
        controls=(
            Operation("withdraw", "POST", "/_control/fines/orders/{order_no}/withdraw", withdraw),
        ),
    ),
)
