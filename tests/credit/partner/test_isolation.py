"""A bank meets nothing of another's: every operation of the API with another's ids.

Generated from the declared operations: one that is added takes part, or fails for want of a body.
"""

from typing import Any
from uuid import UUID

from core.clock import civil_date
from core.context.app import App
from core.database import connection, fetch_all
from core.ids import new_id
from credit.partner.operation import Operation
from credit.partner.routes import OPERATIONS
from tests.asgi import Answer, Client

from . import borrowers
from .a_bank import ABank
from .borrowers import approval
from .test_resources import disbursed, proposal

TABLES = ("lending_application", "lending_loan", "lending_loan_event", "lending_product_version")


def bodies(app: App) -> dict[str, Any]:
    """A good body for every command."""
    on = civil_date(app.clock.now()).isoformat()
    return {
        "askDocument": {"document": "营业执照"},
        "decideApplication": approval(app),
        "confirmDisbursement": {"ref": "x", "on": on, "amount_fen": borrowers.AMOUNT_FEN},
        "reportRepayment": {"ref": "x", "on": on, "amount_fen": 100},
        "reportCharge": {"ref": "x", "on": on, "amount_fen": 100},
        "reportRate": {"ref": "x", "on": on, "rate_bps": 400},
        "reportSchedule": {
            "ref": "x",
            "on": on,
            "months": 24,
            "form": "EQUAL_PRINCIPAL",
            "rate_bps": 380,
        },
        "reportWriteOff": {"ref": "x", "on": on},
        "reverseReport": {"ref": "r-1", "reason": "退票"},
        "reportOverdue": {"on": on, "overdue_fen": 1, "days_overdue": 1},
        "proposeProduct": proposal(code="qilu-demo-credit"),
        "setWebhook": {"url": "https://bank.example/news"},
        "rotateWebhookSecret": {},
        "replayDelivery": {},
        "putReconciliationFile": {"lines": []},
    }


async def _snapshot() -> list[Any]:
    found = []
    for table in TABLES:
        found.append(await fetch_all(connection(), f"SELECT * FROM {table} ORDER BY id"))
    return found


async def test_nothing_of_another_bank_is_seen_or_moved(
    app: App, client: Client, bank: ABank, other: ABank
) -> None:
    loan = await disbursed(app, client, bank)
    on = civil_date(app.clock.now()).isoformat()
    repaid = {"ref": "r-1", "on": on, "amount_fen": 100}
    assert (await bank.call(client, "POST", f"/loans/{loan['id']}/repayments", repaid)).status < 300
    waiting = await borrowers.apply(app, bank.id)
    hook = {"url": "https://bank.example/news"}
    assert (await bank.call(client, "PUT", "/webhook", hook)).status == 200
    await other.call(client, "PUT", "/webhook", hook)
    theirs = {
        "application_id": waiting.applications[bank.id],
        "loan_id": UUID(loan["id"]),
        "delivery_id": new_id(),
    }
    secrets = [str(each) for each in theirs.values()] + [loan["no"], loan["application_id"]]
    before = await _snapshot()
    given = bodies(app)
    for operation in OPERATIONS:
        if operation.id == "proposeProduct":
            continue  # the next test's: a code of another's
        foreign = await _send(client, other, operation, theirs, on, given)
        random = {name: new_id() for name in theirs}
        unknown = await _send(client, other, operation, random, on, given)
        text = foreign.body.decode()
        assert not [secret for secret in secrets if secret in text], operation.id
        if {"application_id", "loan_id", "delivery_id"} & set(operation.placeholders):
            assert foreign.status == unknown.status == 404, operation.id
            assert foreign.body == unknown.body, operation.id
        else:
            assert foreign.status < 300, (operation.id, text)
    assert await _snapshot() == before


async def test_a_product_of_another_bank_is_not_changed(
    app: App, client: Client, bank: ABank, other: ABank
) -> None:
    await borrowers.publish(app, borrowers.product_of(bank.id))
    answer = await other.call(client, "POST", "/products", proposal(code=f"{bank.id}-credit"))
    assert answer.status == 404
    listed = await other.call(client, "GET", "/products")
    assert listed.json == {"items": []}


async def test_a_token_of_another_bank_opens_nothing_with_ones_own_key(
    client: Client, bank: ABank, other: ABank
) -> None:
    stolen = await bank.token(client)
    answer = await other.call(client, "GET", "/applications", token=stolen)
    assert (answer.status, answer.json["code"]) == (401, "PROOF_INVALID")


async def _send(
    client: Client,
    bank: ABank,
    operation: Operation[Any],
    ids: dict[str, UUID],
    on: str,
    given: dict[str, Any],
) -> Answer:
    names = {name: str(each) for name, each in ids.items()} | {"day_on": on}
    path = operation.path.format(**names)
    body = given[operation.id] if operation.is_command else None
    etag = "*" if operation.needs_match else None
    return await bank.call(client, operation.method, path, body, etag=etag)
