"""Linked plates, for the contract suite in tests/kinds."""

from core.context.call import Call
from modules.mobility.parking import service
from modules.mobility.parking.store import PLATES
from tests.kinds.owned_user import OwnedUser


async def _link(call: Call, n: int, key: str) -> None:
    await service.link_plate(call, f"鲁A{n:05d}", key)


USERS = [OwnedUser(PLATES, _link, service.unlink_plate)]
