"""What ends with the link of an account: each service that hangs on links declares its part."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from uuid import UUID

from core.context.app import App
from core.database import Transaction
from core.rooms import ExtensionPoint


@dataclass(frozen=True, slots=True)
class Unlinking:
    """`end(app, tx, link_id)` ends what a service holds of a link, with the link; repeat-safe."""

    end: Callable[[App, Transaction, UUID], Awaitable[None]]


UNLINKINGS = ExtensionPoint("unlinking", Unlinking, key=id)
