"""What a bank of the sandbox does with an application, by the last two digits of its yuan.

Whoever applies, or integrates a bank, can walk every path on purpose.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

REFUSALS = {
    1: "TURNOVER_LOW",
    2: "TAX_RECORD",
    3: "TOO_YOUNG",
    4: "COURT_RECORD",
    5: "EXISTING_DEBT",
    6: "PURPOSE",
}
ASKS, HALF, SILENT, NEVER_PAYS, DEAREST = 11, 12, 13, 14, 15
OF_CITY_BANK_ALONE = 21
"""The city bank refuses and the rural bank offers: an owner sees both answers side by side."""
DOCUMENT = "近两年财务报表"
OFFER_DAYS = 15


@dataclass(frozen=True)
class Act:
    """A command for the partner API; its name makes the idempotency key."""

    name: str
    path: str
    body: dict[str, Any]
    needs_etag: bool = True


def act_on(
    bank: str, application: dict[str, Any], product: dict[str, Any], today: date
) -> Act | None:
    """What the bank does next with an application; None where it waits."""
    ending = application["amount_fen"] // 100 % 100
    path = f"/applications/{application['id']}"
    if application["state"] == "SIGNED" and ending != NEVER_PAYS:
        return _disbursement(path, application, today)
    if application["state"] != "RECEIVED" or ending == SILENT:
        return None
    if ending == ASKS and application["wanted"] is None:
        return Act("ask", f"{path}/documents", {"document": DOCUMENT})
    reason = REFUSALS.get(ending)
    if ending == OF_CITY_BANK_ALONE and bank == "city-bank":
        reason = "EXISTING_DEBT"
    if reason is not None:
        return Act("refuse", f"{path}/decision", {"outcome": "REFUSED", "reason": reason})
    return _approval(path, application, product, ending, today)


def _approval(
    path: str,
    application: dict[str, Any],
    product: dict[str, Any],
    ending: int,
    today: date,
) -> Act:
    amount_fen = application["amount_fen"]
    if ending == HALF:
        amount_fen = max(amount_fen // 2, product["least_fen"])
    least, most = product["margin_least_bps"], product["margin_most_bps"]
    body = {
        "outcome": "APPROVED",
        "amount_fen": amount_fen,
        "months": application["months"],
        "form": application["form"],
        "margin_bps": most if ending == DEAREST else (least + most) // 2,
        "valid_until": (today + timedelta(days=OFFER_DAYS)).isoformat(),
    }
    return Act("approve", f"{path}/decision", body)


def _disbursement(path: str, application: dict[str, Any], today: date) -> Act:
    body = {
        "ref": f"pay-{application['no']}",
        "on": today.isoformat(),
        "amount_fen": application["offer"]["amount_fen"],
    }
    return Act("disburse", f"{path}/disbursement", body, needs_etag=False)
