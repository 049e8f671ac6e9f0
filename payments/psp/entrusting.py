"""What payments needs of a PSP that deducts under a contract which the payer has signed."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from core.deadline import Deadline
from payments.psp.port import Order


class ContractState(StrEnum):
    """What has become of a contract. MISSING: never signed."""

    MISSING = "MISSING"
    SIGNED = "SIGNED"
    ENDED = "ENDED"


@dataclass(frozen=True, slots=True)
class ContractView:
    """A contract as the PSP tells it; `psp_ref` is its own number, once it is signed."""

    contract_id: UUID
    state: ContractState
    psp_ref: str | None = None


class Entrusting(Protocol):
    """Entrusted deduction. All methods raise UpstreamError."""

    async def sign(self, contract_id: UUID, display: str, deadline: Deadline) -> str:
        """Where the payer signs. Repeat-safe."""
        ...

    async def find_contract(self, contract_id: UUID, deadline: Deadline) -> ContractView:
        """What has become of a contract."""
        ...

    async def end_contract(self, psp_ref: str, deadline: Deadline) -> None:
        """End a signed contract. Repeat-safe."""
        ...

    async def deduct(self, order: Order, psp_ref: str, deadline: Deadline) -> None:
        """Take an order's amount under a contract; afterwards it is an order like any other.

        The same order is paid once. Raises UpstreamRejected where the contract is over or the
        account is short; unless `outcome_known`, the money may have been taken.
        """
        ...
