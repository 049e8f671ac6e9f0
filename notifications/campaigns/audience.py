"""Whom a campaign is for."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from core.rooms import ExtensionPoint
from core.texts import Named
from notifications.templates.recipients import Member


@dataclass(frozen=True, slots=True)
class Audience:
    """People whom a campaign may be for, listed by the wing that knows them.

    `page(app, after, limit)` gives people with ids above `after` in the order of their ids;
    `size(app)` how many there are, about.
    """

    name: str
    title: Named
    page: Callable[[Any, UUID, int], Awaitable[Sequence[Member]]]
    size: Callable[[Any], Awaitable[int]]


AUDIENCES = ExtensionPoint("audience", Audience, key=lambda audience: audience.name)
