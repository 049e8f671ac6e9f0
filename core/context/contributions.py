"""What a wing may give to the processes: cards of the home screen, HTTP routes, a seed."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.routing import BaseRoute

from core.city import City
from core.context.app import App
from core.context.call import Call
from core.manifest import Manifest
from core.rooms import ExtensionPoint
from core.settings import Settings
from core.texts import Text


@dataclass(frozen=True, slots=True)
class HomeCard:
    """A card of the home screen: `load(call)` makes its GraphQL section within its own share of
    the deadline."""

    id: str
    title: Text
    load: Callable[[Call], Awaitable[Any]]
    budget_ms: int = 800
    identity_level: int = 0
    shared_s: int = 0
    """A card that is the same for everybody: loaded for a stranger and shown to all for so long."""

    def __post_init__(self) -> None:
        if self.shared_s and self.identity_level:
            raise ValueError(f"{self.id}: a card for everybody asks for no identity level")


def home_card(
    id: str, title: Text, *, budget_ms: int = 800, identity_level: int = 0, shared_s: int = 0
) -> Callable[[Callable[[Call], Awaitable[Any]]], HomeCard]:
    """Declare what loads a card of the home screen."""

    def declare(load: Callable[[Call], Awaitable[Any]]) -> HomeCard:
        return HomeCard(id, title, load, budget_ms, identity_level, shared_s)

    return declare


@dataclass(frozen=True, slots=True)
class StartCheck:
    """What is looked at before a process starts; `check` raises StartError, one line."""

    check: Callable[[Settings, Sequence[Manifest], City], None]


@dataclass(frozen=True, slots=True)
class Routes:
    """HTTP routes beside GraphQL, such as callbacks."""

    of: Callable[[App], Sequence[BaseRoute]]


@dataclass(frozen=True, slots=True)
class Seed:
    """What fills the tables for the sandbox city; repeat-safe."""

    fill: Callable[[App], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class WarmUp:
    """What an API process makes ready once it has opened, before it calls itself ready, so that
    nobody who comes first waits for it. What `run` raises is logged and ends nothing."""

    run: Callable[[App], Awaitable[None]]


START_CHECKS = ExtensionPoint("start check", StartCheck, key=id)
HOME_CARDS = ExtensionPoint("home card", HomeCard, key=lambda card: card.id)
ROUTES = ExtensionPoint("routes", Routes, key=id)
SEEDS = ExtensionPoint("seed", Seed, key=id)
WARM_UPS = ExtensionPoint("warm-up", WarmUp, key=id)
