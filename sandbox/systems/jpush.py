"""JPush: cids from its pool, a push for each cid once a day, an error for each that fails.

After docs.jiguang.cn, "批量单推 API" and "获取推送唯一标识符 (cid)": a cid comes from the app's
own pool and is good for a day; a push under one that has succeeded is answered with the first
result. Which code a foreign or old cid gets is not published; here it is a parameter's (1003).
"""

import base64
import uuid
from datetime import timedelta
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from sandbox.server.system import City, Operation, System
from sandbox.server.wire import query_int, read_bytes, reply

SCHEMA = """
CREATE TABLE jpush_cid (cid TEXT PRIMARY KEY, good_until_s REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE jpush_push (
    cid TEXT PRIMARY KEY, target TEXT NOT NULL, title TEXT NOT NULL, text TEXT NOT NULL,
    extras TEXT NOT NULL, msg_id INTEGER NOT NULL, times INTEGER NOT NULL
);
"""
CIDS_GOOD_FOR = timedelta(days=1)
APP_KEY, MASTER_SECRET = "sandbox", "sandbox-master-secret"
GONE = "gone"
"""Devices whose registration id begins so are no more."""
BATCH_MAX = 1_000


def _error(code: int, message: str, status: int) -> Response:
    return reply({"error": {"code": code, "message": message}}, status)


def _is_known(request: Request) -> bool:
    expected = base64.b64encode(f"{APP_KEY}:{MASTER_SECRET}".encode()).decode()
    return request.headers.get("authorization") == f"Basic {expected}"


async def make_cids(request: Request, city: City) -> Response:
    """Cids of the form {appkey}-{uuid}."""
    if not _is_known(request):
        return _error(1004, "Authen failed", 401)
    count = query_int(request, "count", 1, least=1, most=BATCH_MAX)
    cids = [f"{APP_KEY}-{uuid.uuid4()}" for _ in range(count)]
    good_until_s = (city.now() + CIDS_GOOD_FOR).timestamp()
    with city.state.transaction():
        for cid in cids:
            city.state.run("INSERT INTO jpush_cid VALUES (?, ?)", (cid, good_until_s))
    return reply({"cidlist": cids})


async def push_single(request: Request, city: City) -> Response:
    """A msg_id for each cid, the same as before for one that was pushed already."""
    if not _is_known(request):
        return _error(1004, "Authen failed", 401)
    try:
        pushlist = orjson.loads(await read_bytes(request))["pushlist"]
    except (KeyError, TypeError, orjson.JSONDecodeError):
        return _error(1003, "Parameter value is invalid", 400)
    if not isinstance(pushlist, dict) or not 1 <= len(pushlist) <= BATCH_MAX:
        return _error(1003, "Parameter value is invalid", 400)
    with city.state.transaction():
        return reply({cid: _push(city, cid, push) for cid, push in pushlist.items()})


def _push(city: City, cid: str, push: Any) -> dict[str, object]:
    try:
        target, notification = str(push["target"]), push["notification"]["android"]
        title, text = str(notification["title"]), str(notification["alert"])
        extras = orjson.dumps(notification.get("extras", {})).decode()
    except (KeyError, TypeError):
        return {"error": {"code": 1002, "message": "Missing parameter"}}
    if not _is_good(city, cid):
        return {"error": {"code": 1003, "message": "cid is invalid"}}
    if target.startswith(GONE):
        return {"error": {"code": 1011, "message": "cannot find user by this audience"}}
    known = city.state.one("SELECT msg_id FROM jpush_push WHERE cid = ?", (cid,))
    if known is not None:
        city.state.run("UPDATE jpush_push SET times = times + 1 WHERE cid = ?", (cid,))
        return {"msg_id": known["msg_id"]}
    msg_id = 10**12 + city.state.next_in("jpush")
    city.state.run(
        "INSERT INTO jpush_push (cid, target, title, text, extras, msg_id, times) "
        "VALUES (?, ?, ?, ?, ?, ?, 1)",
        (cid, target, title, text, extras, msg_id),
    )
    return {"msg_id": msg_id}


def _is_good(city: City, cid: str) -> bool:
    """Whether a cid is of this app's pool, and of the last day."""
    row = city.state.one("SELECT good_until_s FROM jpush_cid WHERE cid = ?", (cid,))
    return row is not None and city.now().timestamp() < row["good_until_s"]


async def shown(request: Request, city: City) -> Response:
    """What a device (or every device) has shown, newest first; `total` counts all."""
    device = request.query_params.get("device")
    limit = query_int(request, "limit", 50, least=0, most=1000)
    where = "WHERE ?1 IS NULL OR target = ?1"
    rows = city.state.all(
        f"SELECT target, title, text, msg_id FROM jpush_push {where} "  # noqa: S608
        "ORDER BY msg_id DESC LIMIT ?2",
        (device, limit),
    )
    total = city.state.one(f"SELECT count(*) AS n FROM jpush_push {where}", (device,))  # noqa: S608
    assert total is not None
    return reply({"total": total["n"], "pushes": [dict(row) for row in rows]})


async def counts(request: Request, city: City) -> Response:
    """How many pushes there are, on how many devices, and three kinds of twice.

    Handed over twice: pushes that came again under their cid. Taken twice: those that are not the
    first for what the sender calls one message. Shown twice: those that are not the first with
    their words on their device.
    """
    row = city.state.one(
        "SELECT count(*) AS shown, count(DISTINCT target) AS devices, "
        "coalesce(sum(times > 1), 0) AS handed_over_twice, "
        "count(*) - count(DISTINCT target || extras) AS taken_twice, "
        "count(*) - count(DISTINCT target || char(10) || title || char(10) || text) AS shown_twice "
        "FROM jpush_push",
        (),
    )
    assert row is not None
    return reply(dict(row))


SYSTEMS = (
    System(
        name="jpush",
        title_zh="极光推送",
        title_en="JPush",
        schema=SCHEMA,
        operations=(
            Operation("make_cids", "GET", "/jpush/v3/push/cid", make_cids),
            Operation("push", "POST", "/jpush/v3/push/batch/regid/single", push_single),
        ),
        controls=(
            Operation("shown", "GET", "/_control/jpush", shown),
            Operation("counts", "GET", "/_control/jpush/counts", counts),
        ),
    ),
)
