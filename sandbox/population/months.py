"""Arithmetic of civil months: days so many months later, the last months that are paid up."""

from datetime import date, timedelta


def months_later(day: date, months: int) -> date:
    """The same day of the month so many months later (or earlier), or the month's last."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    following = date(year + (month == 11), (month + 1) % 12 + 1, 1)
    return min(date(year, month + 1, 1) + timedelta(days=day.day - 1), following - timedelta(1))


def last_month_due(today: date, due_day: int) -> date:
    """The first of the newest month whose due day is not after today."""
    return months_later(today.replace(day=1), -(today.day < due_day))


def months_back(newest: date, count: int) -> list[date]:
    """So many months by their first days, newest first."""
    return [months_later(newest, -back) for back in range(count)]


def text(month: date) -> str:
    """A month as `yyyy-mm`."""
    return f"{month:%Y-%m}"


def between(earlier: date, later: date) -> int:
    """How many months the second month is after the first; negative where it is before."""
    return (later.year - earlier.year) * 12 + later.month - earlier.month


def last_day(month: date) -> date:
    """The month's last day."""
    return months_later(month, 1) - timedelta(1)


def span(first: date, last: date) -> list[date]:
    """The months from the first to the last, both included, by their first days."""
    begin = first.year * 12 + first.month - 1
    numbers = range(begin, begin + between(first, last) + 1)
    return [date(number // 12, number % 12 + 1, 1) for number in numbers]
