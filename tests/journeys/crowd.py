"""People of the crowd, whom no other test knows."""

from typing import Any

import aiohttp
from journeys.house import House


async def person(house: House, number: int) -> dict[str, Any]:
    """Somebody of the crowd."""
    async with aiohttp.ClientSession() as session:
        url = f"{house.sandbox_url}/_control/city/population?offset={number}&limit=1"
        async with session.get(url) as reply:
            (found,) = (await reply.json())["people"]
            return dict(found)


async def adult(
    house: House, start: int, *, born: tuple[int, int] = (1941, 1999), female: bool | None = None
) -> dict[str, Any]:
    """The first of the crowd from `start` on who was born in these years, of a sex."""
    for number in range(start, start + 400):
        found = await person(house, number)
        number_of_sex = int(found["resident_id"][16])
        if born[0] <= int(found["resident_id"][6:10]) <= born[1] and female in (
            None,
            number_of_sex % 2 == 0,
        ):
            return found
    raise AssertionError("nobody in the crowd")
