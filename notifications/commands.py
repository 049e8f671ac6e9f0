"""Messages: what is sent, how it gets on, and what operators do about it."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import typer
from rich.table import Table

from core.clock import SHANGHAI
from core.context.app import App
from core.manifest import discover
from core.processes.command import in_app
from core.processes.tables import print_tables
from notifications.campaigns.domain import CampaignAction

app = typer.Typer(help=__doc__, no_args_is_help=True)

Name = Annotated[str, typer.Argument(help='"lane:bulk", "provider:sms", as `show` says.')]
Count = Annotated[int, typer.Option(min=1, max=10_000, help="How many.")]


@app.command()
def show() -> None:
    """Show lanes with their ages and rates, providers, and how many messages are dead."""
    from notifications.operations import overview

    found = in_app("notifications", overview.read)
    lanes = Table("lane", "paused", "oldest due", "sent/min", "failed/min", box=None)
    for lane in found.lanes:
        rates = (f"{lane.sent_per_minute:.1f}", f"{lane.failed_per_minute:.1f}")
        lanes.add_row(lane.name, _yes(lane.paused), f"{lane.oldest_due_s:.0f} s", *rates)
    providers = Table("provider", "channel", "in use", "paused", "sent/min", "failed/min", box=None)
    for provider in found.providers:
        providers.add_row(
            provider.name,
            provider.channel,
            _yes(provider.set_up),
            _yes(provider.paused),
            f"{provider.sent_per_minute:.1f}",
            f"{provider.failed_per_minute:.1f}",
        )
    print_tables(lanes, providers)
    typer.echo(f"{found.dead} dead messages")


@app.command()
def pause(name: Name) -> None:
    """Pause a lane or a provider; what waits is kept."""
    from notifications.operations import switches

    in_app("notifications", lambda app_: switches.pause(app_, name))
    typer.echo(f"{name} is paused")


@app.command()
def resume(name: Name) -> None:
    """Let a lane or a provider go on."""
    from notifications.operations import switches

    in_app("notifications", lambda app_: switches.resume(app_, name))
    typer.echo(f"{name} goes on")


@app.command("dead")
def list_dead(limit: Count = 100) -> None:
    """List messages that were given up, without what they say."""
    from notifications.operations import dead_letters

    rows = in_app("notifications", lambda _: dead_letters.list_dead(first=limit, before=None))
    table = Table("delivery", "channel", "provider", "error", "given up", box=None)
    for row in rows:
        ended = f"{row.ended_at.astimezone(SHANGHAI):%m-%d %H:%M}" if row.ended_at else ""
        table.add_row(str(row.id), row.channel, row.provider or "", row.error or "", ended)
    print_tables(table)


@app.command()
def rerun(count: Count = 10_000) -> None:
    """Put the oldest dead messages back, a hundred a second."""
    from notifications.operations import dead_letters

    number = in_app("notifications", lambda app_: dead_letters.rerun(app_, count))
    typer.echo(f"{number} messages put back")


@app.command()
def campaigns(limit: Count = 20) -> None:
    """List campaigns with their progress, the newest first."""
    from notifications.campaigns import service

    rows = in_app("notifications", lambda _: service.list_campaigns(first=limit, before=None))
    table = Table("campaign", "template", "audience", "state", "people", "sent", "starts", box=None)
    for row in rows:
        table.add_row(
            str(row.id),
            row.template,
            row.audience,
            row.state,
            f"{row.people}/{row.size}",
            str(row.sent),
            f"{row.starts_at.astimezone(SHANGHAI):%m-%d %H:%M}",
        )
    print_tables(table)


@app.command()
def announce(
    title: Annotated[str, typer.Argument(help="The title.")],
    text: Annotated[str, typer.Argument(help="The text.")],
    audience: Annotated[str, typer.Option(help="To whom.")] = "everybody",
    at: Annotated[datetime | None, typer.Option(help="Shanghai time to begin at.")] = None,
) -> None:
    """Start a campaign: one announcement for an audience."""
    from notifications.campaigns import service

    async def start(app_: App) -> str:
        begins = at.replace(tzinfo=SHANGHAI) if at else app_.clock.now()
        params = {"title": title, "text": text}
        template = "notifications.announcement"
        campaign = await service.create(app_, template, params, audience, begins, None)
        return f"campaign {campaign.id} for {campaign.size} people"

    typer.echo(in_app("notifications", start))


@app.command()
def steer(
    campaign: Annotated[UUID, typer.Argument(help="As `campaigns` lists.")],
    action: Annotated[CampaignAction, typer.Argument(help="What to do.")],
) -> None:
    """Pause, resume or cancel a campaign."""
    from notifications.campaigns import service

    row = in_app("notifications", lambda app_: service.steer(app_, campaign, action))
    typer.echo(f"campaign {row.id} is {row.state}")


@app.command("templates")
def list_templates() -> None:
    """List every message that the services send: its class, lane, channels and parameters."""
    from notifications.templates.template import TEMPLATES

    table = Table("template", "v", "class", "lane", "channels", "parameters", box=None)
    for template in sorted(TEMPLATES.of(discover()), key=lambda each: each.id):
        params = (f"{name}: {kind}" for name, kind in template.params.items())
        channels = ("inbox", *template.channels)
        table.add_row(
            template.id,
            str(template.version),
            template.about,
            template.lane,
            " > ".join(channels),
            ", ".join(params),
        )
    print_tables(table)


def _yes(value: bool) -> str:
    return "yes" if value else ""
