"""Citizens who pay bills one after another and do not give up, whatever dies meanwhile."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import aiohttp
import jwt
from journeys.house import House

from bff.client.city import CityClient, ClientError, key
from bff.commands import journey
from core.city import load_city
from core.database import CONNECTION_LOST
from core.security.authentication import ACCESS_TOKEN_LIFE, AUDIENCE, Tokens
from core.security.keys import load_token_keys
from core.settings import Settings

GONE = (*CONNECTION_LOST, aiohttp.ClientError, ClientError)
"""What a request meets while something is down."""

_BILL_PAID_WITHIN_S = 120.0
_PAUSE_S = (0.0, 0.3)

T = TypeVar("T")


async def stubbornly(send: Callable[[], Awaitable[T]]) -> T:
    """Send again until an answer comes; a refusal for good ends in the caller's timeout."""
    while True:
        try:
            return await send()
        except (*GONE, LookupError, StopIteration, RuntimeError):
            await asyncio.sleep(0.1)


@dataclass
class Load:
    """What was begun: by payment id, whether its payer paid and whether the bill was withdrawn."""

    paid: set[str] = field(default_factory=set)
    unpaid: set[str] = field(default_factory=set)
    withdrawn: set[str] = field(default_factory=set)
    is_over: bool = False


class Citizen:
    """Somebody signed in, with a linked water account."""

    def __init__(self, house: House, client: CityClient, account_no: str, seed: int) -> None:
        self._client = client
        self._account_no = account_no
        self._draw = random.Random(seed)
        self._renew = renewer(house)

    async def pay_until_over(self, load: Load) -> None:
        """Pay bill after bill, note each; ends between two of them."""
        while not load.is_over:
            self._renew(self._client)
            async with asyncio.timeout(_BILL_PAID_WITHIN_S):
                await self._pay_one(load)
            await asyncio.sleep(self._draw.uniform(*_PAUSE_S))

    async def _pay_one(self, load: Load) -> None:
        path = f"/_control/billers/water/accounts/{self._account_no}/bills"
        usage = {"usage": self._draw.randint(1, 3)}
        issued = await stubbornly(lambda: self._client.sandbox("POST", path, usage))
        bill = await stubbornly(lambda: self._open_bill(issued["bill_no"]))
        fate = self._draw.random()
        if fate < 0.1:
            path = f"/_control/billers/water/bills/{issued['bill_no']}/withdraw"
            await stubbornly(lambda: self._client.sandbox("POST", path, {"silently": True}))
        pay = {"bill": bill["id"], "key": key()}
        started = await stubbornly(lambda: self._client.do(journey.PAY, pay))
        payment_id = started["payment"]["id"]
        if fate > 0.95:
            load.unpaid.add(payment_id)
            return
        await stubbornly(lambda: self._pay_at_cashier(payment_id))
        (load.withdrawn if fate < 0.1 else load.paid).add(payment_id)

    async def _pay_at_cashier(self, payment_id: str) -> None:
        await self._client.pay_at(await cashier_of(self._client, payment_id))

    async def _open_bill(self, bill_no: str) -> Mapping[str, Any]:
        answer = await self._client.run(journey.BILLS, {"account": self._account_no})
        items = answer.data["bills"]["items"] or ()
        return next(bill for bill in items if bill["billNo"] == bill_no)


async def cashier_of(client: CityClient, payment_id: str) -> str:
    """The cashier's address, which an interrupted start may still lack. Raises LookupError."""
    query = "query ($id: ID!) { payment(id: $id) { cashierUrl } }"
    answer = await client.run(query, {"id": payment_id})
    url: str | None = answer.data["payment"]["cashierUrl"]
    if url is None:
        raise LookupError("not yet")
    return url


async def sign_in(
    house: House, client: CityClient, person: Mapping[str, Any], seed: int
) -> Citizen:
    """A demo person with a session and a linked account, while all is well."""
    await client.sign_in(person["phone"])
    account_no = person["household"]["water_account_no"]
    await client.do(journey.LINK, {"account": account_no, "key": key()})
    return Citizen(house, client, account_no, seed)


def renewer(house: House) -> Callable[[CityClient], None]:
    """Signs a client's access token anew, with a fresh proof: the run is longer than a session."""
    folder, city = house.data_dir / "keys", load_city(Settings().city_file)
    tokens = Tokens(load_token_keys(folder), f"quancheng:{city.slug}", house.clock)

    def renew(client: CityClient) -> None:
        claims = jwt.decode(client.token or "", options={"verify_signature": False})
        claims["auth_time"] = int(house.clock.now().timestamp())
        client.token = tokens.sign(claims, audience=AUDIENCE, life=ACCESS_TOKEN_LIFE)

    return renew
