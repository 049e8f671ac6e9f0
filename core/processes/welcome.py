"""What the operator sees when everything runs: addresses, people, how to log in."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from core.clock import SHANGHAI, SystemClock
from core.processes import probe
from core.settings import Settings


def welcome(console: Console, settings: Settings, *, apis: Sequence[int], sandbox: bool) -> None:
    """Print the addresses and, where the sandbox runs, its demo people and the way in."""
    host = probe.local_host(settings.host)
    table = Table.grid(padding=(0, 2))
    for port in apis:
        table.add_row("API", f"http://{host}:{port}/graphql", "playground in a browser")
    if sandbox:
        table.add_row("Sandbox", f"{settings.sandbox_url}/_control/systems", "the city around us")
    if settings.clock_offset_s:
        now = SystemClock(settings.clock_offset).now().astimezone(SHANGHAI)
        table.add_row("Clock", f"{now:%Y-%m-%d %H:%M}", "a trial: CLOCK_OFFSET_S is set")
    table.add_row("Logs", str(settings.data_dir / "log"))
    console.print("\n[bold green]ready[/]", highlight=False)
    console.print(table, highlight=False)
    people = probe.fetch_json(f"127.0.0.1:{settings.sandbox_port}", "/_control/people")
    if sandbox and isinstance(people, list):
        _present(console, settings, people)
    console.print("\nCtrl-C stops everything.", highlight=False)


def _present(console: Console, settings: Settings, people: list[dict[str, object]]) -> None:
    table = Table(title="Demo people", title_justify="left", box=None, padding=(0, 2, 0, 0))
    columns = ("name", "phone", "resident_id")
    for column in columns:
        table.add_column(column.partition("_")[0], no_wrap=True)
    table.add_column("role")
    for person in people:
        role = f"{person.get('role')}: {person.get('note_en')}"
        table.add_row(*(str(person.get(column, "")) for column in columns), role)
    console.print()
    console.print(table, highlight=False)
    console.print(
        "\nLog in: in the playground, run `requestLoginCode` with a phone from above,\n"
        f"read the code at {settings.sandbox_url}/_control/sms?phone=…\n"
        "and pass it to `login`. Or watch it all in a terminal: make demo",
        highlight=False,
        markup=False,
    )
