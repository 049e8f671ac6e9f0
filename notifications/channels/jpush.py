"""Push through JPush, which passes on to the makers' own services.

The form is that of docs.jiguang.cn, "批量单推 API" and "获取推送唯一标识符 (cid)": up to a thousand
devices with a text each in one request, Basic authentication, and for each push a cid from JPush's
own pool. A repetition under the cid of a push that has succeeded is answered as the first time and
not pushed again; a cid is good for a day. So that a repetition has the same cid, it is noted before
anything is sent.
"""

import base64
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any

from pydantic import StringConstraints

from core.context.app import App
from core.database import Transaction, connection, fetch_all
from core.deadline import Deadline
from core.upstream.breaker import BreakerPolicy
from core.upstream.client import UpstreamError
from core.upstream.operation import Request, System, json_of, whole_list_of
from notifications.channels.credentials import credentials_of
from notifications.channels.port import (
    Failed,
    Outbound,
    Outcome,
    Provider,
    Refused,
    Taken,
    notice,
)
from notifications.templates.domain import Channel, SendLane

BATCH = 1_000
CIDS_GOOD_FOR = timedelta(hours=23)
"""A day, less what clocks differ by and an attempt takes."""
CIDS_KEPT = timedelta(days=2)
NO_SUCH_DEVICE = 1011
TOO_MANY = 2002
SERVER_ERRORS = frozenset({1000, 1001, 1030, 2003})

_Cid = Annotated[str, StringConstraints(pattern=r"^[!-~]{1,96}$")]

JPUSH = System("jpush", breaker=BreakerPolicy(open_s=1.0), optional=True)


@JPUSH.operation("GET", "/v3/push/cid", answers=whole_list_of(_Cid, "cidlist"))
def make_cids(authorization: str, count: int) -> Request:
    """Fresh cids for pushes, each of a form that can be kept."""
    return Request(params={"count": str(count)}, headers={"Authorization": authorization})


@JPUSH.operation(
    "POST",
    "/v3/push/batch/regid/single",
    answers=json_of(dict[str, Any]),
    name="push",
    safe=True,
)
def push_batch(authorization: str, pushlist: Mapping[str, Any]) -> Request:
    """Push by cid; answers a msg_id or an error for each."""
    return Request(json={"pushlist": pushlist}, headers={"Authorization": authorization})


async def send(app: App, deadline: Deadline, outbounds: Sequence[Outbound]) -> Sequence[Outcome]:
    """Hand over in batches."""
    outcomes: list[Outcome] = []
    for start in range(0, len(outbounds), BATCH):
        outcomes += await _send_batch(app, deadline, outbounds[start : start + BATCH])
    return outcomes


async def _send_batch(
    app: App, deadline: Deadline, outbounds: Sequence[Outbound]
) -> Sequence[Outcome]:
    authorization = _authorization(app)
    try:
        cids = await _cids_of(app, deadline, authorization, [each.ref for each in outbounds])
    except UpstreamError as error:
        return [Failed(error.reason.lower(), outcome_known=True)] * len(outbounds)
    if len(cids) < len(outbounds):
        return [Failed("no_cids", outcome_known=True)] * len(outbounds)
    pushlist = {cids[each.ref]: describe(each) for each in outbounds}
    try:
        answers = await push_batch(app, deadline, authorization, pushlist)
    except UpstreamError as error:
        return [Failed(error.reason.lower(), error.outcome_known)] * len(outbounds)
    return [judge(answers.get(cids[each.ref])) for each in outbounds]


def describe(outbound: Outbound) -> Mapping[str, Any]:
    """A push as JPush takes it. A message that somebody waits for is of the class that makers do
    not ration ("service and communication"; docs.jiguang.cn, "厂商消息分类")."""
    title, text = notice(outbound)
    extras = {"message": outbound.ref} | (
        {"link": outbound.deep_link} if outbound.deep_link else {}
    )
    return {
        "platform": "all",
        "target": outbound.address,
        "notification": {
            "android": {"alert": text, "title": title, "extras": extras},
            "ios": {"alert": {"title": title, "body": text}, "extras": extras, "sound": "default"},
        },
        "options": {
            "time_to_live": 86_400,
            "classification": 0 if outbound.lane is SendLane.BULK else 1,
        },
    }


def judge(answer: object) -> Outcome:
    """What an answer for one cid means; none is silence."""
    if not isinstance(answer, dict):
        return Failed("no_answer")
    error = answer.get("error")
    if error is None:
        return Taken(str(answer["msg_id"])) if "msg_id" in answer else Failed("no_answer")
    code = error.get("code") if isinstance(error, dict) else None
    if not isinstance(code, int):
        return Refused("jpush_error")
    if code == NO_SUCH_DEVICE:
        return Refused("no_such_device", is_gone=True)
    if code == TOO_MANY or code in SERVER_ERRORS:
        return Failed(f"jpush_{code}", outcome_known=True)
    return Refused(f"jpush_{code}")


async def _cids_of(
    app: App, deadline: Deadline, authorization: str, refs: Sequence[str]
) -> Mapping[str, str]:
    """The cid of each ref: the one noted at its first attempt, or a fresh one that is noted now, as
    far as JPush has given enough."""
    now = app.clock.now()
    noted = await _noted(refs, now - CIDS_GOOD_FOR)
    if missing := [ref for ref in refs if ref not in noted]:
        fresh = list(dict.fromkeys(await make_cids(app, deadline, authorization, len(missing))))
        await fetch_all(
            connection(),
            """INSERT INTO notifications_push_cid AS c (ref, cid, created_at)
               SELECT n.ref, n.cid, $3 FROM unnest($1::text[], $2::text[]) AS n (ref, cid)
               ON CONFLICT (ref) DO UPDATE SET cid = excluded.cid, created_at = $3
                 WHERE c.created_at <= $4 RETURNING 1""",
            missing[: len(fresh)],
            fresh[: len(missing)],
            now,
            now - CIDS_GOOD_FOR,
        )
        noted |= await _noted(missing, now - CIDS_GOOD_FOR)
    return noted


async def _noted(refs: Sequence[str], after: datetime) -> dict[str, str]:
    rows = await fetch_all(
        connection(),
        "SELECT ref, cid FROM notifications_push_cid WHERE ref = ANY($1) AND created_at > $2",
        list(refs),
        after,
    )
    return {row["ref"]: row["cid"] for row in rows}


async def delete_cids(db: Transaction, before: datetime) -> None:
    """Drop cids that were noted before a moment."""
    await fetch_all(
        db, "DELETE FROM notifications_push_cid WHERE created_at < $1 RETURNING 1", before
    )


def _authorization(app: App) -> str:
    credentials = credentials_of(app, "jpush")
    assert credentials is not None  # is_set_up
    pair = f"{credentials['app_key']}:{credentials['master_secret']}"
    return f"Basic {base64.b64encode(pair.encode()).decode()}"


JPUSH_PROVIDER = Provider(
    "jpush",
    Channel.PUSH,
    send,
    is_set_up=lambda app: credentials_of(app, "jpush") is not None,
    own_addresses=True,
)
