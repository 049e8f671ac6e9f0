"""Statements of the bank as the sandbox's own writer makes them, of bookings that a test lists."""

from collections.abc import Sequence
from datetime import date

from sandbox.systems.settlement_bank import camt
from sandbox.systems.settlement_bank.account import PSPS, Movement

WECHAT_PAY, ALIPAY = PSPS
_IN, _OUT = ("PMNT", "RCDT", "DMCT"), ("PMNT", "ICDT", "DMCT")


def settled(ref: str, amount_fen: int, psp: str = "wechatpay") -> Movement:
    """A PSP's settlement."""
    payer = {known.name: known for known in PSPS}[psp]
    return Movement(ref, amount_fen, _IN, payer.holder, payer.number, "商户结算款")


def paid(ref: str, amount_fen: int, number: str) -> Movement:
    """A payment that was ordered under an end-to-end number."""
    return Movement(ref, amount_fen, _OUT, "市自来水公司", "3700100000000000026", "", number)


def returned(ref: str, amount_fen: int, number: str) -> Movement:
    """The same, come back."""
    code = ("PMNT", "ICDT", "RRTN")
    return Movement(ref, amount_fen, code, "市自来水公司", "3700100000000000026", "", number, True)


def charged(ref: str, amount_fen: int) -> Movement:
    """The bank's own charge."""
    return Movement(ref, amount_fen, ("ACMT", "MDOP", "CHRG"), text="账户管理费")


def unknown(ref: str, amount_fen: int) -> Movement:
    """Something from nobody known."""
    return Movement(ref, amount_fen, _IN, "某公司", "6222000000000000012", "来款")


def statement(day: date, opening_fen: int, booked: Sequence[Movement]) -> bytes:
    """A day's statement."""
    return camt.statement(day, opening_fen, booked, f"{day}T23:59:59+08:00").encode()
