"""What payments needs of a PSP that shares a payment between a payee's own merchant and ours.

An order that is marked for it is kept back until a share of it was asked for, or the rest is
released. Numbers are ours: the same number again is the same share, or the same return of one.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from core.deadline import Deadline


@dataclass(frozen=True, slots=True)
class ShareOrder:
    """What our merchant, the receiver, gets of a payment. The payment's number is the share's."""

    intent_id: UUID
    psp_ref: str
    """The PSP's number of the payment."""
    merchant: str
    """The payee's own merchant that took it."""
    receiver: str
    amount_fen: int


class ShareState(StrEnum):
    """What has become of a share. CLOSED: it failed for good, all is the payee's. REFUSED: the
    request was, and may be made again. MISSING: the PSP knows none."""

    PROCESSING = "PROCESSING"
    SUCCEEDED = "SUCCEEDED"
    CLOSED = "CLOSED"
    REFUSED = "REFUSED"
    MISSING = "MISSING"


@dataclass(frozen=True, slots=True)
class ShareView:
    """A share as the PSP tells it; `reason` is its own word for why there is none."""

    state: ShareState
    psp_ref: str | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ReturnOrder:
    """What of a share goes back to the payee's merchant."""

    return_id: UUID
    share: ShareOrder
    amount_fen: int


class ReturnState(StrEnum):
    """What has become of a return. SHORT: not begun, our merchant has too little there."""

    PROCESSING = "PROCESSING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    SHORT = "SHORT"
    MISSING = "MISSING"


@dataclass(frozen=True, slots=True)
class ReturnView:
    """A return as the PSP tells it; `reason` is its own word for why it failed."""

    state: ReturnState
    psp_ref: str | None = None
    reason: str = ""


class ProfitSharing(Protocol):
    """Profit sharing (分账). All methods raise UpstreamError where there is no answer."""

    @property
    def receiver(self) -> str:
        """The number of our own merchant, which gets the shares."""
        ...

    async def share(self, order: ShareOrder, deadline: Deadline) -> ShareView:
        """Ask for a share, and for the rest to be the payee's at once. Repeat-safe."""
        ...

    async def find_share(self, order: ShareOrder, deadline: Deadline) -> ShareView:
        """What has become of a share."""
        ...

    async def release(self, order: ShareOrder, deadline: Deadline) -> bool:
        """Let the payee have what is kept back of a payment that is not shared; whether that is
        done. Repeat-safe.
        """
        ...

    async def give_back(self, order: ReturnOrder, deadline: Deadline) -> ReturnView:
        """Ask for a return. Repeat-safe."""
        ...

    async def find_return(self, order: ReturnOrder, deadline: Deadline) -> ReturnView:
        """What has become of a return."""
        ...

    async def add_receiver(self, merchant: str, name: str, deadline: Deadline) -> None:
        """Let a payee's merchant share with ours, whose full name is `name`. Repeat-safe.

        Raises UpstreamRejected where the PSP refuses that.
        """
        ...
