"""Walk a citizen's journeys in a terminal, and tell what each step crossed."""

import asyncio
import time
from typing import Annotated

import typer
from rich.console import Console

from bff.client.city import CityClient, reaching
from bff.commands.journey import STEPS, Walk
from core.settings import Settings, read_settings

app = typer.Typer(help="Walk a citizen's journeys in a terminal.")


@app.command()
def demo(
    person: Annotated[str, typer.Option(help="The key of a demo person.")] = "citizen",
    api: Annotated[str | None, typer.Option(help="The API; HOST and PORT unless told.")] = None,
) -> None:
    """Log in, see the city, read the housing fund, book a doctor, pay the water bill."""
    settings = read_settings()
    with reaching("the demo stopped"):
        asyncio.run(_walk(settings, api or settings.base_url, person))


async def _walk(settings: Settings, api_url: str, person_key: str) -> None:
    console = Console()
    sessions = settings.data_dir / "sessions"
    async with CityClient(api_url, settings.sandbox_url, sessions=sessions) as client:
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
