"""Draws faults from a seed, does them to a house that people use, and audits after each point."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import jwt
from journeys import books
from journeys.house import is_ready
from journeys.load import GONE, Citizen, Load, sign_in
from journeys.nemesis import auditor
from journeys.nemesis.auditor import Canary, Violation, Window
from journeys.nemesis.faults import QUICK_CALLBACKS, Fault, draw_fault
from journeys.nemesis.stage import PASSWORD, Stage
from journeys.nemesis.witness import WatchedClient, Witness

from core.bus.bus import CHANNEL, message_body
from core.city import load_city
from core.database import parse_url
from core.ids import new_id
from core.processes.embedded import database_urls
from core.security.authentication import ACCESS_TOKEN_LIFE, AUDIENCE, SESSION_REVOKED, Tokens
from core.security.keys import load_token_keys
from core.settings import Settings

_READY_WITHIN_S = 60.0
_CITIZENS = 2
_REST_EVERY = 4
"""Points: so many faults may meet one payment."""
_MINE = "{ viewer { id } }"
_CODE = """mutation ($phone: String!, $key: String!) {
  requestLoginCode(phone: $phone, idempotencyKey: $key) {
    __typename ... on Refusal { code message }
  }
}"""


@dataclass
class Run:
    """A house in use, and what has been done to it."""

    stage: Stage
    seed: int
    witness: Witness = field(default_factory=Witness)
    load: Load = field(default_factory=Load)
    canaries: set[Canary] = field(default_factory=set)
    first_token: str = ""
    points: int = 0
    slowest_rest_s: float = 0.0

    async def point(self, drawn: Sequence[Fault], *, rests: bool = True) -> None:
        """One point: faults at once, then every rule; before them, all that was begun ends.

        Without `rests` the next point may come into the middle of what this one has left.
        Raises Violation that tells seed, point and faults.
        """
        self.points += 1
        faults = sorted(drawn, key=lambda fault: not fault.asks_sandbox)
        told = " and ".join(f"{fault.kind} ({fault.told})" for fault in faults)
        try:
            await self._point(faults, rests or any(fault.stays for fault in faults))
        except (Violation, ExceptionGroup) as caught:
            violation = _first(caught)
            where = f"[point {self.points} of seed {self.seed}: {told}]"
            print(f"  {violation} {where}", flush=True)
            raise Violation(violation.rule, f"{violation.told} {where}") from caught
        print(f"  {self.points} {told}", flush=True)

    async def _point(self, faults: Sequence[Fault], rests: bool) -> None:
        if any(fault.stays for fault in faults):
            await self._rest(False)  # what earlier faults delay is not the clock's
        logged = self.stage.log_bytes()
        first_answer, first_look = len(self.witness.answers), len(self.witness.looks)
        silent: list[Window] = []
        blind: list[Window] = []
        async with AsyncExitStack() as staying:
            async with AsyncExitStack() as passing:
                began_s = time.monotonic()
                for fault in faults:
                    stack = staying if fault.stays else passing
                    await stack.enter_async_context(fault.spoil(self.stage))
                spoiled_s = time.monotonic()
                if any(fault.deafens for fault in faults):
                    await self._revocations_count()
                await self._ask_for_a_code()
                lasts_s = max(fault.lasts_s for fault in faults)
                await asyncio.sleep(max(0.0, spoiled_s + lasts_s - time.monotonic()))
                ended_s = time.monotonic()
            blind += [(spoiled_s, ended_s) for fault in faults if self._blinds(fault)]
            await self._until_ready()
            if any(fault.silences_api for fault in faults):
                silent.append((began_s, time.monotonic()))
            async with asyncio.TaskGroup() as group:
                if rests:
                    group.create_task(self._rest(any(fault.stays for fault in faults)))
                group.create_task(self._revocations_count(is_quiet=True))
        answers = self.witness.answers[first_answer:]
        auditor.nobody_is_told_of_a_defect(answers)
        auditor.answers_come_in_time(answers, silent)
        if not silent:
            looks = Witness(looks=self.witness.looks[first_look:])
            auditor.readiness_is_honest(looks, blind)
        auditor.logs_hold_no_secret(self.stage.logs(), logged, self.canaries)
        auditor.logs_stay_short(self.stage.logs(), logged)

    def _blinds(self, fault: Fault) -> bool:
        return fault.blinds_api and (fault.kind != "full disk" or self.stage.has_own_disk)

    async def _until_ready(self) -> None:
        deadline_s = time.monotonic() + _READY_WITHIN_S
        while not await asyncio.to_thread(is_ready, self.stage.api_urls[0]):
            if time.monotonic() > deadline_s:
                raise Violation("not ready", f"{_READY_WITHIN_S:.0f} s after the last fault")
            await asyncio.sleep(0.1)

    async def _rest(self, beside_a_clock: bool) -> None:
        """What had been begun by now comes to its end, new work or not."""
        began_s = time.monotonic()
        within_s = auditor.RESTS_BESIDE_A_CLOCK_S if beside_a_clock else auditor.RESTS_WITHIN_S
        begun = {row["id"] for row in await self._begun()}
        while begun:
            left = [row for row in await self._begun() if row["id"] in begun]
            begun = {row["id"] for row in left}
            waited_s = time.monotonic() - began_s
            self.slowest_rest_s = max(self.slowest_rest_s, waited_s)
            if waited_s > within_s:
                raise Violation("liveness", f"after {waited_s:.0f} s: {left}")
            await asyncio.sleep(0.1)

    async def _begun(self) -> Sequence[Mapping[str, Any]]:
        """What a payer waits for. Of a refund they were told; it takes as long as the PSP does."""
        return [row for row in await books.under_way(self.stage) if row["state"] != "refunding"]

    async def _revocations_count(self, *, is_quiet: bool = False) -> None:
        """A session that another process ended is refused soon; before, it is served."""
        async with WatchedClient(self.stage, self.witness) as client:
            session_id = str(new_id())
            client.token = self._token(session_id)
            try:
                await client.run(_MINE)
            except (*GONE, TimeoutError) as error:
                if is_quiet and "SESSION_EXPIRED" in str(error):
                    raise Violation("locked out", "a good session was refused") from error
            try:
                connection = await asyncpg.connect(
                    **parse_url(database_urls(self.stage.data_dir).app), timeout=2
                )
            except (OSError, TimeoutError, asyncpg.PostgresError):
                return  # another fault of this point keeps everybody out
            try:
                async with connection.transaction():
                    await connection.execute(
                        "INSERT INTO core_session_revocation VALUES ($1, clock_timestamp())",
                        session_id,
                    )
                    body = message_body(SESSION_REVOKED, session_id)
                    await connection.execute("SELECT pg_notify($1, $2)", CHANNEL, body)
            except asyncpg.PostgresError:
                return
            finally:
                connection.terminate()
            await asyncio.sleep(auditor.REVOKED_WITHIN_S)
            with suppress(*GONE, TimeoutError):
                answer = await client.run(_MINE)
                if answer.data["viewer"] is not None:
                    raise Violation("revocation", "a revoked session was served")

    def _token(self, session_id: str) -> str:
        """A token of the first citizen in a session of its own."""
        stage = self.stage
        city = load_city(Settings().city_file)
        keys = load_token_keys(stage.data_dir / "keys")
        claims = jwt.decode(self.first_token, options={"verify_signature": False})
        claims |= {"sid": session_id, "auth_time": int(stage.clock.now().timestamp())}
        tokens = Tokens(keys[-1:], f"quancheng:{city.slug}", stage.clock)
        return tokens.sign(claims, audience=AUDIENCE, life=ACCESS_TOKEN_LIFE)

    async def _ask_for_a_code(self) -> None:
        """A stranger asks for a code in the middle of it; phone and code are not to be logged."""
        phone = f"199{random.SystemRandom().randrange(10**8):08d}"
        self.canaries.add(Canary("phone", phone))
        async with WatchedClient(self.stage, self.witness) as client:
            with suppress(*GONE, TimeoutError):
                await client.run(_CODE, {"phone": phone, "key": new_id().hex})

    async def finish(self) -> None:
        """The books of both sides agree, to the fen, and the ledger is whole."""
        try:
            await books.come_to_rest(self.stage)
        except AssertionError as fault:
            raise Violation("liveness", f"{fault} [seed {self.seed}]") from fault
        try:
            await books.compare(self.stage, self.load)
        except (AssertionError, KeyError) as fault:
            raise Violation("books", f"{fault} [seed {self.seed}]") from fault


def _first(error: Exception) -> Violation:
    """The violation in a group of errors. Raises the error where there is none."""
    if isinstance(error, Violation):
        return error
    if isinstance(error, ExceptionGroup):
        for inner in error.exceptions:
            with suppress(Exception):
                return _first(inner)
    raise error


@asynccontextmanager
async def in_use(stage: Stage, seed: int) -> AsyncIterator[Run]:
    """A house in which citizens pay, watched from outside; its books are compared at the end."""
    run = Run(stage, seed)
    async with AsyncExitStack() as stack:
        clients = [
            await stack.enter_async_context(WatchedClient(stage, run.witness))
            for _ in range(_CITIZENS)
        ]
        for psp in ("wechatpay", "alipay"):
            await clients[0].sandbox("PUT", f"/_control/faults/{psp}", QUICK_CALLBACKS)
        people = [one for one in await clients[0].people() if "totp_secret" not in one]
        citizens: list[Citizen] = []
        for number, (client, person) in enumerate(zip(clients, people, strict=False)):
            citizens.append(await sign_in(stage, client, person, seed + number))
            run.canaries |= {
                Canary(name, str(person[name])) for name in ("phone", "name", "resident_id")
            }
        run.canaries.add(Canary("password of the database", PASSWORD))
        run.first_token = clients[0].token or ""
        await stack.enter_async_context(run.witness.watching(stage))
        async with asyncio.TaskGroup() as group:
            paying = [group.create_task(one.pay_until_over(run.load)) for one in citizens]
            try:
                yield run
            except BaseException:
                for task in paying:
                    task.cancel()
                raise
            run.load.is_over = True
    await run.finish()


async def torment(stage: Stage, seed: int, points: int) -> Run:
    """So many points drawn from a seed; at three of ten, two faults at once.

    Raises Violation.
    """
    draw = random.Random(seed)
    async with in_use(stage, seed) as run:
        for number in range(1, points + 1):
            faults = [draw_fault(draw) for _ in range(1 + (draw.random() < 0.3))]
            await run.point(faults, rests=number % _REST_EVERY == 0 or number == points)
    return run


def planned(kinds: Sequence[Callable[[random.Random], Fault]], seed: int) -> list[Fault]:
    """A fault of each kind in this order, drawn from a seed."""
    draw = random.Random(seed)
    return [kind(draw) for kind in kinds]
