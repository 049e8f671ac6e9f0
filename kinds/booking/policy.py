"""The city's decisions on appointments, read from `cities/<city>/appointments/<service>.toml`."""

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import time, timedelta
from pathlib import Path
from typing import Any

from core.catalogue import Service, ServiceKind, ServiceStatus
from core.city import CityFileError
from core.context.app import App
from core.texts import Named
from kinds.booking.domain import BanRule, CancelRule
from kinds.booking.schedule import ReleaseRule, Timetable

_NOTHING = Named("", "")


@dataclass(frozen=True, slots=True)
class Item:
    """A business that one comes for: what to bring and what it costs."""

    id: str
    name: Named
    bring: Sequence[Named]
    fee_fen: int


@dataclass(frozen=True, slots=True)
class SubjectRule:
    """What a booking is about, where it is about a thing: a number plate."""

    name: Named


@dataclass(frozen=True, slots=True)
class QueueRule:
    """The rush: the queue opens `opens_before` the release; `draw` orders it by lot."""

    opens_before: timedelta
    draw: bool
    admission: timedelta
    """How long an admission is good."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What holds for every booking of one service. 0 of a limit means none.

    Where it is `prepaid` a fee is paid within `pay`, or the seat is free again; else it is paid at
    the counter. `hold` is what remains to complete a booking in.
    """

    hold: timedelta
    cancel: CancelRule
    horizon_days: int = 14
    release: ReleaseRule | None = None
    per_day: int = 1
    open_max: int = 0
    ban: BanRule | None = None
    companions: int = 0
    subject: SubjectRule | None = None
    prepaid: bool = False
    check_in_before: timedelta = timedelta(minutes=30)
    late: timedelta = timedelta(minutes=30)
    queue: QueueRule | None = None
    pay: timedelta = timedelta(minutes=15)
    offer: timedelta = timedelta(minutes=30)
    """How long a seat that came free is kept for who waited for it."""
    notes: Named = _NOTHING
    """What to bring, where neither a business nor the other side tells."""

    def is_prepaid(self, fee_fen: int | None) -> bool:
        """Whether a booking at this fee is confirmed by paying for it: one that is not known is
        paid where it is, at the counter."""
        return self.prepaid and fee_fen is not None and fee_fen > 0

    def hold_for(self, fee_fen: int | None) -> timedelta:
        """How long a new hold at this fee keeps its seat."""
        return self.pay if self.is_prepaid(fee_fen) else self.hold


@dataclass(frozen=True, slots=True)
class Venue:
    """One of the city's own resources and when it is open."""

    ref: str
    place: Named
    unit: Named
    name: Named
    address: str
    timetables: Sequence[Timetable]


@dataclass(frozen=True)
class Rules:
    """Everything the city decided, by service; `items` and `venues` of those with slots of ours."""

    policies: Mapping[str, Policy]
    items: Mapping[str, Mapping[str, Item]]
    venues: Mapping[str, Sequence[Venue]]


def rules_of(app: App) -> Rules:
    """The rules of the installation's city. Raises CityFileError naming what is wrong."""
    return app.once(
        "appointments.rules",
        lambda: load_rules(
            app.settings.city_file.with_suffix("") / "appointments", app.services.values()
        ),
    )


def policy_of(app: App, service_id: str) -> Policy:
    """What the city decided for a service."""
    return rules_of(app).policies[service_id]


def find_item(app: App, service_id: str, item_id: str) -> Item | None:
    """What a booking is for, where its service has such a list."""
    return rules_of(app).items.get(service_id, {}).get(item_id)


def load_rules(folder: Path, services: Iterable[Service]) -> Rules:
    """Read the rules of every living appointment service, each from the file named after it.

    A service's tile is all that declares it. Raises CityFileError.
    """
    policies, items, venues = {}, {}, {}
    for service in services:
        if service.kind is not ServiceKind.APPOINTMENT or service.status is ServiceStatus.PLANNED:
            continue
        service_id, path = service.id, folder / f"{service.id}.toml"
        try:
            data = tomllib.loads(path.read_text(encoding="utf-8"))
            policies[service_id] = _policy(data["policy"])
            if "venues" in data:
                items[service_id] = {
                    name: _item(name, data["items"][name]) for name in data["items"]
                }
                venues[service_id] = [_venue(v, data["timetables"]) for v in data["venues"]]
        except FileNotFoundError:
            raise CityFileError(f"no appointment rules at {path}") from None
        except (KeyError, TypeError, ValueError) as error:
            raise CityFileError(f"{path}: {error}") from None
    return Rules(policies, items, venues)


def _policy(entry: Mapping[str, Any]) -> Policy:
    plain = ("horizon_days", "per_day", "open_max", "companions", "prepaid")
    given: dict[str, Any] = {name: entry[name] for name in plain if name in entry}
    for name in ("check_in_before", "late", "pay", "offer"):
        if f"{name}_s" in entry:
            given[name] = timedelta(seconds=entry[f"{name}_s"])
    for name, read in (
        ("release", _release),
        ("ban", _ban),
        ("subject", _subject),
        ("queue", _queue),
        ("notes", _name),
    ):
        if name in entry:
            given[name] = read(entry[name])
    return Policy(hold=timedelta(seconds=entry["hold_s"]), cancel=_cancel(entry["cancel"]), **given)


def _name(entry: Mapping[str, str]) -> Named:
    return Named(**entry)


def _cancel(entry: Mapping[str, Any]) -> CancelRule:
    return CancelRule(
        days_before=entry.get("days_before", 0),
        at=time.fromisoformat(entry["at"]) if "at" in entry else None,
        before=timedelta(seconds=entry.get("before_s", 0)),
    )


def _release(entry: Mapping[str, Any]) -> ReleaseRule:
    return ReleaseRule(entry["days_before"], time.fromisoformat(entry["at"]))


def _ban(entry: Mapping[str, Any]) -> BanRule:
    return BanRule(
        misses=entry["misses"],
        within=timedelta(days=entry["within_days"]),
        lasts=timedelta(days=entry["days"]),
    )


def _subject(entry: Mapping[str, Any]) -> SubjectRule:
    return SubjectRule(Named(**entry["name"]))


def _queue(entry: Mapping[str, Any]) -> QueueRule:
    return QueueRule(
        opens_before=timedelta(seconds=entry["opens_before_s"]),
        draw=entry["draw"],
        admission=timedelta(seconds=entry["admission_s"]),
    )


def _item(name: str, entry: Mapping[str, Any]) -> Item:
    bring = [Named(**paper) for paper in entry.get("bring", ())]
    return Item(name, Named(**entry["name"]), bring, entry.get("fee_fen", 0))


def _venue(entry: Mapping[str, Any], timetables: Mapping[str, Any]) -> Venue:
    nothing = {"zh": "", "en": ""}
    return Venue(
        ref=entry["ref"],
        place=Named(**entry["place"]),
        unit=Named(**entry.get("unit", nothing)),
        name=Named(**entry["name"]),
        address=entry.get("address", ""),
        timetables=[read_timetable(opening) for opening in timetables[entry["timetable"]]],
    )


def _closing(text: str) -> tuple[time, bool]:
    """A closing time and whether it is the next day's: "24:00" is midnight, "26:00" two o'clock."""
    hour, _, rest = text.partition(":")
    if not (hour.isdecimal() and 24 <= int(hour) < 48):
        return time.fromisoformat(text), False
    return time.fromisoformat(f"{int(hour) - 24:02d}:{rest}"), True


def read_timetable(entry: Mapping[str, Any]) -> Timetable:
    """An opening as the city's file has it. Raises KeyError and ValueError."""
    closes, closes_next_day = _closing(entry["closes"])
    return Timetable(
        weekdays=frozenset(entry["weekdays"]),
        opens=time.fromisoformat(entry["opens"]),
        closes=closes,
        slot=timedelta(minutes=entry["slot_min"]),
        capacity=entry["capacity"],
        on_holidays=entry.get("on_holidays", False),
        on_make_up_days=entry.get("on_make_up_days", True),
        first_on=entry.get("first_on"),
        last_on=entry.get("last_on"),
        closes_next_day=closes_next_day,
    )
