"""Walk a citizen's journeys in a terminal, and tell what each step crossed."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Annotated, Any

import typer
from rich.console import Console

from bff.commands.client import CityClient, ClientError, Person
from core.settings import Settings
from core.start_errors import StartError

app = typer.Typer(help="Walk a citizen's journeys in a terminal.")


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


@app.command()
def demo(
    person: Annotated[str, typer.Option(help="The key of a demo person.")] = "citizen",
    api: Annotated[str | None, typer.Option(help="The API; HOST and PORT unless told.")] = None,
) -> None:
    """Log in, see the city, read the housing fund, book a doctor, pay the water bill."""
    settings = Settings()
    try:
        asyncio.run(_walk(api or settings.base_url, settings.sandbox_url, person))
    except (ClientError, OSError, TimeoutError) as error:
        raise StartError(f"the demo stopped: {error or type(error).__name__}") from error


async def _walk(api_url: str, sandbox_url: str, person_key: str) -> None:
    from bff.commands.journey import STEPS

    console = Console()
    async with CityClient(api_url, sandbox_url) as client:
        walk = Walk(client, await client.person(person_key))
        for number, step in enumerate(STEPS, 1):
            title = f"{number}/{len(STEPS)} {step.zh} {step.en}"
            started_s = time.monotonic()
            with console.status(f"{title} …"):
                seen = await step.walk(walk)
            elapsed_ms = (time.monotonic() - started_s) * 1000
            console.print(f"[green]✓[/] {title} [dim]{elapsed_ms:.0f} ms[/]", highlight=False)
            console.print(f"    {seen}", highlight=False, markup=False)
            console.print(f"    [dim]{step.crosses}[/]", highlight=False)
    console.print("[green]done[/]")
