"""The finance office's own data, read from `cities/<city>/finance.toml`: accounts and subjects."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.city import CityFileError
from core.context.app import App
from core.texts import Named
from payments.ledger.accounts import CHART
from payments.psp.partners import PARTNERS

SHARE_BPS_MAX = 3_000
"""What WeChat Pay lets a service provider share at most of an order, unless the payee sets less:
pay.weixin.qq.com/wiki/doc/api/allocation.php?chapter=26_4."""


@dataclass(frozen=True, slots=True)
class BankAccount:
    """An account in China: its holder, number, and its bank's CNAPS number."""

    holder: str
    number: str
    cnaps: str


@dataclass(frozen=True, slots=True)
class Subject:
    """A subject of the finance office's chart (会计科目), as its own books name it."""

    code: str
    name: Named


@dataclass(frozen=True, slots=True)
class Finance:
    """What a city's finance office decides.

    `subjects` are by account code, or by what stands before its colon. `payees` are whom we pay out
    to, by the payee's name in the ledger; `psps` the account from which each PSP settles to us.
    `merchants` are payees' own merchants by payee and PSP: who has one is paid through it alone.
    `shares` are what the city keeps of the payments to some of these, in basis points by payee.
    `fiscal_receipts` are where the treasury's own e-receipts (财政电子票据) are looked up, by
    payee: what is paid to the others has none.
    """

    own: BankAccount
    payees: Mapping[str, BankAccount]
    psps: Mapping[str, str]
    subjects: Mapping[str, Subject]
    merchants: Mapping[str, Mapping[str, str]]
    shares: Mapping[str, int]
    fiscal_receipts: Mapping[str, Named]

    def merchants_of(self, payee: str) -> Mapping[str, str]:
        """A payee's own merchants, by PSP; none of a payee that is paid out by us."""
        return self.merchants.get(payee, {})

    def subject_of(self, code: str) -> Subject:
        """The subject of an account: its own, else that of its kind."""
        return self.subjects.get(code) or self.subjects[code.partition(":")[0]]

    def find_psp(self, account_no: str) -> str | None:
        """The PSP that settles from an account."""
        return next((psp for psp, number in self.psps.items() if number == account_no), None)


def finance_of(app: App) -> Finance:
    """The data of the installation's city. Raises CityFileError."""
    return app.once(
        "payments.finance",
        lambda: load_finance(app.settings.city_file.with_suffix("") / "finance.toml"),
    )


def load_finance(path: Path) -> Finance:
    """Read the file. Raises CityFileError naming what is wrong; every kind of account of the ledger
    has a subject."""
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
        subjects = {
            row["account"]: Subject(str(row["code"]), Named(**row["name"]))
            for row in data["subject"]
        }
        missing = CHART.keys() - subjects.keys()
        if missing:
            raise ValueError(f"no subject for {', '.join(sorted(missing))}")
        return Finance(
            own=_account(data["bank"]),
            payees={row["name"]: _account(row) for row in data.get("payee", []) if "number" in row},
            psps={row["name"]: str(row["number"]) for row in data.get("psp", [])},
            subjects=subjects,
            merchants={
                row["name"]: _merchants(row["merchants"])
                for row in data.get("payee", [])
                if "merchants" in row
            },
            shares={
                row["name"]: _share(row) for row in data.get("payee", []) if row.get("share", 0)
            },
            fiscal_receipts={
                row["name"]: Named(**row["fiscal_receipts"])
                for row in data.get("payee", [])
                if "fiscal_receipts" in row
            },
        )
    except FileNotFoundError:
        raise CityFileError(f"no finance data at {path}") from None
    except (KeyError, TypeError, ValueError) as error:
        raise CityFileError(f"{path}: {error}") from None


def _merchants(row: Mapping[str, Any]) -> Mapping[str, str]:
    if not row or not row.keys() <= PARTNERS.keys():
        raise ValueError(f"payees have merchants at {', '.join(PARTNERS)} alone")
    if not all(isinstance(merchant, str) and 0 < len(merchant) <= 32 for merchant in row.values()):
        raise ValueError("a merchant is the number that the PSP gave it")
    return row


def _share(row: Mapping[str, Any]) -> int:
    """The city's share of a payee's payments, in basis points. Raises ValueError."""
    share = row["share"]
    if type(share) is not int or not 0 < share <= SHARE_BPS_MAX:
        raise ValueError(f"a share is of 1 to {SHARE_BPS_MAX} basis points")
    if "merchants" not in row:
        raise ValueError("the city has a share of what a payee's own merchant takes, or of nothing")
    return share


def _account(row: Mapping[str, Any]) -> BankAccount:
    return BankAccount(str(row["holder"]), str(row["number"]), str(row["cnaps"]))
