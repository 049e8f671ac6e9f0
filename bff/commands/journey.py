"""The steps of the demo: the first journey through the house, told as data."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from bff.commands.client import CityClient, Person


@dataclass
class Walk:
    """A citizen on their way through the city."""

    client: CityClient
    person: Person
    known: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Step:
    """One step: its name in both languages, what it crosses, what to do; it returns what it saw."""

    zh: str
    en: str
    crosses: str
    walk: Callable[[Walk], Awaitable[str]]


async def _log_in(walk: Walk) -> str:
    await walk.client.sign_in(walk.person["phone"])
    return f"signed in with the code sent to {walk.person['phone']}"


async def _catalogue(walk: Walk) -> str:
    answer = await walk.client.run("{ services { id status } }")
    services = answer.data["services"]
    living = [s["id"] for s in services if s["status"] == "LIVE"]
    return f"{len(services)} services, living: {', '.join(living)}"


async def _verify(walk: Walk) -> str:
    await walk.client.verify_real_name(walk.person)
    answer = await walk.client.run("{ viewer { name level } }")
    viewer = answer.data["viewer"]
    return f"{viewer['name']} is at level {viewer['level']}"


async def _housing_fund(walk: Walk) -> str:
    await walk.client.consent("welfare.housing-fund")
    answer = await walk.client.run(
        "{ housingFund { status asOf account { balance monthlyDeposit } } }"
    )
    fund = answer.data["housingFund"]
    if fund["account"] is None:
        return f"{fund['status']}: no account"
    return f"{fund['status']}: {fund['account']['balance'] / 100:.2f} yuan as of {fund['asOf']}"


async def _home(walk: Walk) -> str:
    answer = await walk.client.run("{ home { sections { id status reason } } }")
    sections = answer.data["home"]["sections"]
    return ", ".join(f"{s['id']} {s['status']}" for s in sections)


async def _access_log(walk: Walk) -> str:
    answer = await walk.client.run(
        "{ viewer { accessLog(first: 5) { edges { node { service upstream fields } } } } }"
    )
    rows = [edge["node"] for edge in answer.data["viewer"]["accessLog"]["edges"]]
    return "; ".join(f"{r['service']} read {', '.join(r['fields'])}" for r in rows)


STEPS = (
    Step(
        "登录",
        "log in",
        "app → bff → identity → queue → worker → SMS gateway → phone → identity",
        _log_in,
    ),
    Step("服务目录", "the catalogue", "app → bff → manifests", _catalogue),
    Step(
        "实名认证",
        "verify real name",
        "app → bff → identity → consent, access log → police registry",
        _verify,
    ),
    Step(
        "住房公积金",
        "the housing fund",
        "app → bff → welfare → consent, access log → housing fund centre",
        _housing_fund,
    ),
    Step("首页", "the home screen", "app → bff → every card at once", _home),
    Step("访问记录", "who looked", "app → bff → identity → access log", _access_log),
)
