"""Terms in few words, for tests of schedules and of replay."""

from datetime import date

from credit.lending.terms.money_terms import DayCount, HolidayRule, RepaymentForm, Terms

LEVEL = RepaymentForm.EQUAL_INSTALMENT


def terms(
    percent: str,
    instalments: int,
    first: date,
    *,
    form: RepaymentForm = LEVEL,
    days: DayCount = DayCount.THIRTY_360,
    anchor: int = 0,
    months: int = 1,
    holiday: HolidayRule = HolidayRule.SAME_DAY,
) -> Terms:
    """Terms at a rate in percent."""
    whole, _, rest = percent.partition(".")
    rate = int(whole) * 10_000 + int(rest.ljust(4, "0"))
    return Terms(
        form, days, rate, instalments, first, anchor or first.day, months, holiday_rule=holiday
    )


def fen(text: str) -> int:
    """Yuan as text in fen."""
    whole, _, rest = text.partition(".")
    return int(whole) * 100 + int(rest.ljust(2, "0"))
