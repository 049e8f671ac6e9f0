"""For what somebody may draw on the housing fund today, how much, and what speaks against it.

The purposes are those of article 24 of the Regulations on the Administration of the Housing
Provident Fund (住房公积金管理条例, State Council decree 262 of 1999, revised by 350 of 2002 and
710 of 2019); who draws for retirement or on settling abroad closes the account. Renting takes
three months of deposits in a row and no home of one's own here; who has left the employer and does
not pay in elsewhere waits for half a year after the account was sealed. So fund centres publish it;
which notice of the ministries it rests on is not confirmed. Ceilings, and for what else the centre
pays, are the centre's own decisions: it names them with each record (`Rule`).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Annotated

from core.clock import add_months
from core.texts import Locale, Named, Text
from modules.welfare.withdrawal import texts


class WithdrawalPurpose(StrEnum):
    """What the money is for. RENT: renting a home. PURCHASE: buying, building or repairing one's
    own home. LOAN: paying back a home loan. RETIREMENT: having retired. LEAVING: having left the
    employer or the country. ILLNESS: a serious illness in the family.
    """

    RENT = "RENT"
    PURCHASE = "PURCHASE"
    LOAN = "LOAN"
    RETIREMENT = "RETIREMENT"
    LEAVING = "LEAVING"
    ILLNESS = "ILLNESS"


CLOSES_ACCOUNT = frozenset({WithdrawalPurpose.RETIREMENT, WithdrawalPurpose.LEAVING})
"""All of the balance is paid, and the account ends (article 24)."""

RENT_MONTHS = 3
SEALED_MONTHS = 6


@dataclass(frozen=True, slots=True)
class Rule:
    """The centre's decision on a purpose."""

    purpose: WithdrawalPurpose
    year_most_fen: int | None
    """What may be drawn for it in a calendar year; None where the law's own bound holds alone."""
    months_between: int
    """How many months lie between two withdrawals for it."""


@dataclass(frozen=True, slots=True)
class HousingFundWithdrawal:
    """An earlier withdrawal."""

    withdrawal_no: Annotated[str, "The centre's number of it."]
    purpose: Annotated[WithdrawalPurpose, "What it was for."]
    amount_fen: Annotated[int, "What was paid out."]
    paid_on: Annotated[date, "When it was paid out."]


@dataclass(frozen=True, slots=True)
class WithdrawalRecord:
    """What the centre knows of an account, and its rules of today."""

    account_no: Annotated[str, "The account's number."]
    balance_fen: Annotated[int, "What is in it."]
    months_in_a_row: Annotated[int, "Months of deposits without a gap, up to now."]
    sealed_on: Annotated[date | None, "Since when nobody pays in; null while somebody does."]
    owns_home_here: Annotated[bool, "Whether the person or the spouse owns a home in the city."]
    loan_outstanding_fen: Annotated[int, "What is still owed of a home loan; 0 without one."]
    withdrawals: Annotated[Sequence[HousingFundWithdrawal], "Earlier withdrawals, newest first."]
    rules: Sequence[Rule]
    is_closed: bool


@dataclass(frozen=True, slots=True)
class WithdrawalReason:
    """Something that speaks against a withdrawal."""

    text: Text
    values: Mapping[str, object]

    @property
    def code(self) -> Annotated[str, "What it is, for the app."]:
        """The sentence's code."""
        return self.text.code

    @property
    def message(self) -> Annotated[Named, "The same as a sentence."]:
        """The sentence in both languages."""
        zh, en = (self.text.say(locale, **self.values) for locale in (Locale.ZH, Locale.EN))
        return Named(zh, en)


@dataclass(frozen=True, slots=True)
class WithdrawalOption:
    """What may be drawn for a purpose."""

    purpose: Annotated[WithdrawalPurpose, "What the money is for; `item` of the application."]
    title: Annotated[Named, "What it is called."]
    most_fen: Annotated[int, "The most that may be drawn; 0 where something speaks against it."]
    basis: Annotated[Named, "Which bound makes it so."]
    reasons: Annotated[Sequence[WithdrawalReason], "All that speaks against it."]


def options_of(record: WithdrawalRecord, today: date) -> Sequence[WithdrawalOption]:
    """Every purpose, with the most that may be drawn and each reason that speaks against it."""
    return [option_of(record, purpose, today) for purpose in WithdrawalPurpose]


def option_of(
    record: WithdrawalRecord, purpose: WithdrawalPurpose, today: date
) -> WithdrawalOption:
    """The same for one purpose."""
    rule = next((rule for rule in record.rules if rule.purpose is purpose), None)
    most_fen, basis = _most(record, rule, today) if rule else (0, texts.BASIS_BALANCE)
    reasons = [*_against(record, purpose, rule, today)]
    if not reasons and most_fen == 0:
        reasons = [_reason(texts.NOTHING_LEFT)]
    return WithdrawalOption(
        purpose, texts.TITLES[purpose], 0 if reasons else most_fen, basis, reasons
    )


def _reason(text: Text, **values: object) -> WithdrawalReason:
    return WithdrawalReason(text, values)


def _against(
    record: WithdrawalRecord, purpose: WithdrawalPurpose, rule: Rule | None, today: date
) -> Iterator[WithdrawalReason]:
    if record.is_closed:
        yield _reason(texts.ACCOUNT_CLOSED)
    if rule is None:
        yield _reason(texts.NOT_OFFERED)
        return
    if purpose is WithdrawalPurpose.RENT:
        if record.months_in_a_row < RENT_MONTHS:
            yield _reason(texts.MONTHS_MISSING, months=record.months_in_a_row, least=RENT_MONTHS)
        if record.owns_home_here:
            yield _reason(texts.OWNS_HOME)
    if purpose is WithdrawalPurpose.LOAN and record.loan_outstanding_fen == 0:
        yield _reason(texts.NO_LOAN)
    if purpose is WithdrawalPurpose.LEAVING:
        if record.sealed_on is None:
            yield _reason(texts.NOT_SEALED)
        elif (free_on := add_months(record.sealed_on, SEALED_MONTHS)) > today:
            yield _reason(texts.SEALED_LATELY, free_on=free_on)
    last_on = max((one.paid_on for one in _earlier(record, purpose)), default=None)
    if last_on is not None and (next_on := add_months(last_on, rule.months_between)) > today:
        yield _reason(texts.TOO_SOON, last_on=last_on, next_on=next_on)


def _most(record: WithdrawalRecord, rule: Rule, today: date) -> tuple[int, Named]:
    """The most that may be drawn, and which bound makes it so."""
    bounds = [(record.balance_fen, texts.BASIS_BALANCE)]
    if rule.purpose is WithdrawalPurpose.LOAN:
        bounds.append((record.loan_outstanding_fen, texts.BASIS_LOAN))
    if rule.year_most_fen is not None:
        drawn = [o for o in _earlier(record, rule.purpose) if o.paid_on.year == today.year]
        left_fen = rule.year_most_fen - sum(one.amount_fen for one in drawn)
        bounds.append((max(0, left_fen), texts.BASIS_YEAR))
    return min(bounds, key=lambda bound: bound[0])


def _earlier(
    record: WithdrawalRecord, purpose: WithdrawalPurpose
) -> Sequence[HousingFundWithdrawal]:
    return [one for one in record.withdrawals if one.purpose is purpose]
