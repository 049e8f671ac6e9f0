"""Service 6: a licence is shown once, as it stands then, and only what was chosen.

What every lookup promises is in tests/kinds/test_lookups.py.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from core.clock import ManualClock, civil_date
from core.context.app import App
from core.context.call import Call
from core.context.commands import CREDENTIAL_REPLAY
from core.database import transaction
from core.database.models import AccessLog
from core.ids import new_id
from core.people.personal_read import grant_consent, list_access, withdraw_consent
from core.security.authentication import Viewer
from core.standards.signed_code import issue_code
from modules.affairs.jobs import forget
from modules.affairs.licences.domain import CODE_LIFE, VERIFIERS
from modules.affairs.licences.service import PURPOSE
from modules.affairs.licences.upstream import LICENCES
from modules.affairs.models import LicencePresentation
from modules.affairs.verifiers import service as verifiers
from modules.affairs.verifiers.seed import HOTEL_ID, HOTEL_KEY, seed
from modules.identity import personal_data
from tests.asgi import Client
from tests.modules.affairs.wallet import CANCEL, CHECK, PRESENT, FakeLicences, check, title
from tests.people import leave
from tests.upstreams import by_operation

MakeCall = Callable[..., Call]


@pytest.fixture
def wallet() -> FakeLicences:
    """The e-licence system."""
    return FakeLicences()


@pytest.fixture
def upstreams(wallet: FakeLicences) -> Mapping[Any, Any]:
    """The outside systems of these tests."""
    return by_operation(wallet, LICENCES)


@pytest.fixture
async def holder(app: App, call: MakeCall, citizen: Callable[..., Awaitable[Viewer]]) -> Viewer:
    """Somebody who has consented, in a city with a hotel that checks licences."""
    await seed(app)
    viewer = await citizen()
    mine = call(user_id=viewer.user_id, level=2)
    await grant_consent(mine, PURPOSE.id, PURPOSE.text_version)
    return viewer


async def _present(
    client: Client,
    holder: Viewer,
    *,
    licence_ref: str = "card",
    fields: Sequence[str] = ("is_adult",),
    key: str | None = None,
) -> Any:
    variables = {"id": licence_ref, "fields": list(fields), "key": key or new_id().hex}
    answer = (await client.data(PRESENT, variables, viewer=holder))["presentLicence"]
    return answer.get("presentation", answer)


async def _cancel(client: Client, holder: Viewer, presentation_id: str) -> Any:
    variables = {"id": presentation_id, "key": new_id().hex}
    answer = await client.data(CANCEL, variables, viewer=holder)
    return answer["cancelLicencePresentation"]


async def _shown_rows() -> list[AccessLog]:
    return await AccessLog.filter(actor_role="verifier").order_by("id")


async def test_a_verifier_sees_what_was_chosen_and_the_citizen_who_saw_it(
    client: Client, holder: Viewer, call: MakeCall
) -> None:
    presented = await _present(client, holder)
    assert presented["fields"] == ["is_adult"]
    assert presented["expiresAt"] == "2026-11-23T04:01:00.000Z"
    for secret in ("张三", "card", str(holder.user_id)):
        assert secret not in presented["code"]
    answer = await check(client, HOTEL_KEY, presented["code"])
    assert answer.status == 200 and answer.headers["cache-control"] == "private, no-store"
    assert answer.json == {
        "kind": "resident_card",
        "name": {"zh": "居民身份证", "en": "Resident identity card"},
        "issuer": "沙盒市公安局",
        "status": "VALID",
        "validUntil": "2040-01-02",
        "fields": [
            {"name": "is_adult", "title": {"zh": "is_adult", "en": "is_adult"}, "value": "是"}
        ],
        "shownAt": "2026-11-23T04:00:00Z",
    }
    row, *_ = await list_access(call(user_id=holder.user_id, level=2), first=1)
    assert (row.actor_role, row.actor_id, row.basis_ref) == (
        "verifier",
        HOTEL_ID,
        "沙盒宾馆:入住登记",
    )
    assert (row.service, row.fields_read) == ("e-licence", ["is_adult"])
    query = "{ viewer { accessLog(first: 1) { edges { node { actorRole actorName caseNo } } } } }"
    (edge,) = (await client.data(query, viewer=holder))["viewer"]["accessLog"]["edges"]
    assert edge["node"] == {
        "actorRole": "verifier",
        "actorName": "沙盒宾馆:入住登记",
        "caseNo": None,
    }


async def test_a_code_is_good_once_however_it_is_written(
    client: Client, holder: Viewer, app: App, clock: ManualClock
) -> None:
    # smart-on-fhir/health-cards#198: one number can have several texts with valid signatures
    presented = await _present(client, holder)
    clock.move(timedelta(seconds=1))
    twin = issue_code(
        app.tokens, subject="x", audience=VERIFIERS, life=CODE_LIFE, number=presented["id"]
    )
    assert twin.text != presented["code"]
    assert (await check(client, HOTEL_KEY, presented["code"])).status == 200
    for again in (presented["code"], twin.text):
        assert title(await check(client, HOTEL_KEY, again)) == (409, "PRESENTATION_USED")
    assert len(await _shown_rows()) == 1


async def test_of_many_readers_at_once_one_sees_it(client: Client, holder: Viewer) -> None:
    code = (await _present(client, holder))["code"]
    answers = await asyncio.gather(*(check(client, HOTEL_KEY, code) for _ in range(8)))
    assert sorted(answer.status for answer in answers) == [200] + [409] * 7
    assert len(await _shown_rows()) == 1


async def test_a_code_ends_after_a_minute(
    client: Client, holder: Viewer, clock: ManualClock
) -> None:
    code = (await _present(client, holder))["code"]
    clock.move(CODE_LIFE)
    assert title(await check(client, HOTEL_KEY, code)) == (409, "PRESENTATION_EXPIRED")
    assert await _shown_rows() == []


async def test_a_code_that_is_taken_back_shows_nothing_at_once(
    client: Client, holder: Viewer
) -> None:
    presented = await _present(client, holder)
    for _ in range(2):
        assert "code" not in await _cancel(client, holder, presented["id"])
    assert title(await check(client, HOTEL_KEY, presented["code"])) == (
        409,
        "PRESENTATION_CANCELLED",
    )
    shown = await _present(client, holder)
    assert (await check(client, HOTEL_KEY, shown["code"])).status == 200
    assert (await _cancel(client, holder, shown["id"]))["code"] == "PRESENTATION_USED"
    assert len(await _shown_rows()) == 1


async def test_a_licence_that_is_revoked_after_the_code_was_made_shows_no_field(
    client: Client, holder: Viewer, wallet: FakeLicences
) -> None:
    code = (await _present(client, holder))["code"]
    wallet.revoke("card")
    answer = await check(client, HOTEL_KEY, code)
    assert (answer.json["status"], answer.json["fields"]) == ("REVOKED", [])
    assert (await _present(client, holder))["code"] == "LICENCE_NOT_VALID"
    other = await LicencePresentation.all()
    assert len(other) == 1


async def test_a_licence_that_is_gone_is_not_valid(
    client: Client, holder: Viewer, wallet: FakeLicences
) -> None:
    code = (await _present(client, holder))["code"]
    wallet.licences = []
    assert title(await check(client, HOTEL_KEY, code)) == (409, "LICENCE_NOT_VALID")


async def test_a_silent_system_is_never_a_valid_licence(
    client: Client, holder: Viewer, wallet: FakeLicences
) -> None:
    code = (await _present(client, holder))["code"]
    wallet.is_silent = True
    assert title(await check(client, HOTEL_KEY, code)) == (503, "UPSTREAM_UNAVAILABLE")
    wallet.is_silent = False
    assert title(await check(client, HOTEL_KEY, code)) == (409, "PRESENTATION_USED")


async def test_without_consent_nothing_is_shown(
    client: Client, holder: Viewer, call: MakeCall
) -> None:
    code = (await _present(client, holder))["code"]
    await withdraw_consent(call(user_id=holder.user_id, level=2), PURPOSE.id)
    assert title(await check(client, HOTEL_KEY, code)) == (403, "CONSENT_REQUIRED")
    assert await _shown_rows() == []


@pytest.mark.parametrize(
    "key", [None, "", "x", HOTEL_KEY[:-1], HOTEL_KEY.upper(), f"{UUID(int=1).hex}.sandbox", "é.é"]
)
async def test_nobody_but_a_verifier_reads_a_code(
    client: Client, holder: Viewer, key: str | None
) -> None:
    code = (await _present(client, holder))["code"]
    assert title(await check(client, key, code)) == (401, "VERIFIER_UNKNOWN")
    assert (await check(client, HOTEL_KEY, code)).status == 200


async def test_a_verifier_that_is_ended_reads_nothing_at_once(
    client: Client, holder: Viewer, app: App
) -> None:
    async with transaction() as tx:
        key = await verifiers.add(app, tx, "某银行")
    code = (await _present(client, holder))["code"]
    await verifiers.end(UUID(key.partition(".")[0]))
    assert title(await check(client, key, code)) == (401, "VERIFIER_UNKNOWN")


async def test_a_verifier_checks_so_often_a_minute_and_no_more(
    client: Client, holder: Viewer, app: App
) -> None:
    for _ in range(verifiers.CHECKS_PER_MINUTE):
        await verifiers.authenticate(app, f"Bearer {HOTEL_KEY}")
    answer = await check(client, HOTEL_KEY, "x")
    assert title(answer) == (429, "TOO_MANY_CHECKS") and int(answer.headers["retry-after"]) <= 60


async def test_what_is_no_code_of_ours_for_verifiers_is_refused(
    client: Client, holder: Viewer, app: App
) -> None:
    minted = {"subject": "x", "life": CODE_LIFE}
    gate = issue_code(app.tokens, audience="gates", **minted)
    strange = issue_code(app.tokens, audience=VERIFIERS, number="no-uuid", **minted)
    unknown = issue_code(app.tokens, audience=VERIFIERS, number=new_id().hex, **minted)
    code = (await _present(client, holder))["code"]
    forged = code[:-40] + ("A" if code[-40] != "A" else "B") + code[-39:]
    for wrong in (
        *("", "x", "a.b.c", None, 7, ["x"], "é" * 20),
        *(app.tokens.issue(holder), gate.text, strange.text, unknown.text, forged),
    ):
        assert title(await check(client, HOTEL_KEY, wrong)) == (422, "PRESENTATION_INVALID"), wrong
    assert await _shown_rows() == []


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"code": 1}', b"x" * 10_000, b"\xff"])
async def test_a_body_that_is_no_question_is_refused(
    client: Client, holder: Viewer, body: bytes
) -> None:
    headers = {"authorization": f"Bearer {HOTEL_KEY}"}
    answer = await client.post(body, path=CHECK, headers=headers)
    assert title(answer) == (422, "PRESENTATION_INVALID")


@pytest.mark.parametrize("reason", [None, "", "  ", "长" * 25, 5])
async def test_a_verifier_says_why(client: Client, holder: Viewer, reason: Any) -> None:
    code = (await _present(client, holder))["code"]
    assert title(await check(client, HOTEL_KEY, code, reason)) == (422, "REASON_MISSING")
    assert (await check(client, HOTEL_KEY, code)).status == 200


@pytest.mark.parametrize(
    ("licence_ref", "fields", "refusal"),
    [
        ("card", [], "FIELDS_UNKNOWN"),
        ("card", ["name", "name"], "FIELDS_UNKNOWN"),
        ("card", ["blood_type"], "FIELDS_UNKNOWN"),
        ("old", ["name"], "LICENCE_NOT_VALID"),
        ("foreign", ["name"], "NOT_FOUND"),
    ],
)
async def test_what_cannot_be_shown_makes_no_code(
    client: Client, holder: Viewer, licence_ref: str, fields: list[str], refusal: str
) -> None:
    answer = await _present(client, holder, licence_ref=licence_ref, fields=fields)
    assert answer["code"] == refusal
    assert await LicencePresentation.all().count() == 0


async def test_the_same_key_gives_the_same_code(
    client: Client, holder: Viewer, wallet: FakeLicences, clock: ManualClock
) -> None:
    first = await _present(client, holder, key="k" * 20)
    clock.move(timedelta(seconds=20))
    wallet.is_silent = True
    assert await _present(client, holder, key="k" * 20) == first
    other = await _present(client, holder, key="k" * 20, fields=["name"])
    assert other["code"] == "KEY_REUSED"
    clock.move(CREDENTIAL_REPLAY)
    assert (await _present(client, holder, key="k" * 20))["code"] == "KEY_EXPIRED"
    assert await LicencePresentation.all().count() == 1


async def test_without_the_system_there_is_no_code(
    client: Client, holder: Viewer, wallet: FakeLicences
) -> None:
    wallet.is_silent = True
    assert (await _present(client, holder))["code"] == "UPSTREAM_UNAVAILABLE"
    assert await LicencePresentation.all().count() == 0


async def test_the_database_refuses_a_second_life(client: Client, holder: Viewer) -> None:
    presented = await _present(client, holder)
    await check(client, HOTEL_KEY, presented["code"])
    row = LicencePresentation.filter(id=UUID(presented["id"]))
    for state in ("issued", "cancelled"):
        with pytest.raises(Exception, match="illegal state change"):
            await row.update(state=state, shown_at=None, verifier_id=None)


async def test_presentations_are_forgotten_after_a_day_but_for_the_log(
    client: Client, holder: Viewer, app: App, clock: ManualClock
) -> None:
    code = (await _present(client, holder))["code"]
    await check(client, HOTEL_KEY, code)
    await forget(app)
    assert await LicencePresentation.all().count() == 1
    clock.move(timedelta(days=1, minutes=2))
    await forget(app)
    assert await LicencePresentation.all().count() == 0
    assert len(await _shown_rows()) == 1


async def test_presentations_are_handed_out_and_erased(
    client: Client, holder: Viewer, call: MakeCall
) -> None:
    code = (await _present(client, holder))["code"]
    mine = call(user_id=holder.user_id, level=2)
    exported = await personal_data.export_my_data(mine)
    (row,) = exported["affairs"].data["licence_presentations"]
    assert (row["state"], row["fields"]) == ("issued", ["is_adult"])
    await leave(mine)
    assert await LicencePresentation.all().count() == 0
    assert title(await check(client, HOTEL_KEY, code)) == (422, "PRESENTATION_INVALID")


@pytest.mark.parametrize(("day", "status"), [(0, "VALID"), (-1, "EXPIRED")])
async def test_a_licence_holds_up_to_its_last_day_whatever_its_system_says(
    client: Client, holder: Viewer, wallet: FakeLicences, clock: ManualClock, day: int, status: str
) -> None:
    code = (await _present(client, holder))["code"]
    ends = civil_date(clock.now()) + timedelta(days=day)
    wallet.licences = [replace(one, valid_until=ends) for one in wallet.licences]
    answer = await check(client, HOTEL_KEY, code)
    assert (answer.json["status"], len(answer.json["fields"])) == (status, int(status == "VALID"))
    shown = await client.data("{ licenceWallet { items { licenceRef status } } }", viewer=holder)
    assert shown["licenceWallet"]["items"][0] == {"licenceRef": "card", "status": status}
    again = await _present(client, holder)
    assert again.get("code") == "LICENCE_NOT_VALID" or status == "VALID"


@pytest.mark.parametrize("reason", ["a\x00b", "登记\n沙盒市公安局", "\u202egnirotinom"])
async def test_a_reason_that_cannot_be_read_uses_no_code_up(
    client: Client, holder: Viewer, reason: str
) -> None:
    code = (await _present(client, holder))["code"]
    assert title(await check(client, HOTEL_KEY, code, reason)) == (422, "REASON_MISSING")
    assert not await _shown_rows()
    assert (await check(client, HOTEL_KEY, code)).status == 200
