"""The terms of a loan that decide what is paid when."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

PPM = 1_000_000
"""Annual rates are whole parts per million here: 1 bp is 100, 3.45 % is 34,500."""
PPM_OF_BP = 100
PENALTY_BPS = 15_000
"""The usual penalty rate, 150 % of the contract's (银发〔2003〕251号: 30 to 50 % above it)."""


class RepaymentForm(StrEnum):
    """How principal comes back. EQUAL_INSTALMENT: 等额本息. EQUAL_PRINCIPAL: 等额本金.
    INTEREST_FIRST: interest in each period, principal at the end (先息后本). BULLET: principal and
    simple interest once, at the end (到期一次还本付息).
    """

    EQUAL_INSTALMENT = "EQUAL_INSTALMENT"
    EQUAL_PRINCIPAL = "EQUAL_PRINCIPAL"
    INTEREST_FIRST = "INTEREST_FIRST"
    BULLET = "BULLET"


class DayCount(StrEnum):
    """What part of a year lies between two days. ACT_360: the days over 360. ACT_365: over 365.
    ACT_ACT: days of a leap year over 366, others over 365 (ISDA). THIRTY_360: a month from due day
    to due day is 30 days of 360.
    """

    ACT_360 = "ACT_360"
    ACT_365 = "ACT_365"
    ACT_ACT = "ACT_ACT"
    THIRTY_360 = "THIRTY_360"


class HolidayRule(StrEnum):
    """What becomes of a due day on which banks are closed. SAME_DAY: nothing. NEXT_WORKDAY: paid on
    the next working day, interest as if on the day itself. NEXT_WORKDAY_INTEREST: interest runs on.
    """

    SAME_DAY = "SAME_DAY"
    NEXT_WORKDAY = "NEXT_WORKDAY"
    NEXT_WORKDAY_INTEREST = "NEXT_WORKDAY_INTEREST"


class Part(StrEnum):
    """What a payment is set against. COSTS: fees, and what collecting has cost. PENALTY: interest
    on what is overdue. INTEREST: the contract's. PRINCIPAL: what was lent.
    """

    COSTS = "COSTS"
    PENALTY = "PENALTY"
    INTEREST = "INTEREST"
    PRINCIPAL = "PRINCIPAL"


DEFAULT_ORDER = (Part.COSTS, Part.PENALTY, Part.INTEREST, Part.PRINCIPAL)
"""Civil Code art. 561, where nothing else is agreed: costs, then interest (of which penalty
interest is a kind), then principal."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What the parties agree on about money.

    `instalments` periods of `period_months` each, the first ending on `first_due_on`; all others
    keep `anchor_day` where their month has it (31 January, 28 February, 31 March). BULLET has one.
    `rate_ppm` is a year's. `penalty_bps` multiplies it on overdue principal (15,000: by 1.5).
    """

    form: RepaymentForm
    day_count: DayCount
    rate_ppm: int
    instalments: int
    first_due_on: date
    anchor_day: int
    period_months: int = 1
    holiday_rule: HolidayRule = HolidayRule.SAME_DAY
    penalty_bps: int = PENALTY_BPS
    order: tuple[Part, ...] = DEFAULT_ORDER

    def __post_init__(self) -> None:
        if not 1 <= self.instalments <= 600 or not 1 <= self.period_months <= 60:
            raise ValueError("a loan has 1 to 600 instalments of 1 to 60 months")
        if not 1 <= self.anchor_day <= 31 or not 0 <= self.rate_ppm < 10 * PPM:
            raise ValueError("an anchor day is 1 to 31, a rate at least zero")
        if self.form is RepaymentForm.BULLET and self.instalments != 1:
            raise ValueError("a bullet loan is paid once")
        if sorted(self.order) != sorted(Part):
            raise ValueError("the order names each part once")
