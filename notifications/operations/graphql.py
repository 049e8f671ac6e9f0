"""What operators see of messages and do about them, in GraphQL."""

from datetime import datetime
from typing import Annotated

import strawberry

from core.errors import InvalidInput
from core.graphql import (
    After,
    Connection,
    First,
    IdempotencyKey,
    Info,
    Refused,
    connection,
    mutation,
    page_size,
    parse_id,
    query,
    staff,
    view,
)
from core.security.authorization import Scope
from core.texts import Locale
from notifications.campaigns import service as campaigns
from notifications.campaigns.domain import CampaignAction, CampaignState
from notifications.campaigns.models import Campaign as CampaignRow
from notifications.messages.models import Delivery
from notifications.operations import dead_letters, overview, switches
from notifications.operations.overview import Overview
from notifications.templates.texts import PREVIEW_PARAMS

view(overview.LaneState, name="MessageLane")
view(overview.ProviderState, name="MessageProvider")
view(Overview, name="MessageOverview")
view(CampaignAction)
view(CampaignState)


@strawberry.type(description="A delivery that was given up, and waits for somebody.")
class DeadMessage:
    id: strawberry.ID = strawberry.field(description="The delivery's id.")
    channel: str = strawberry.field(description="The channel.")
    provider: str | None = strawberry.field(description="Who had it last.")
    error: str | None = strawberry.field(description="Why, in one word.")
    ended_at: datetime | None = strawberry.field(description="When it was given up.")


@strawberry.type(description="One message for an audience.")
class Campaign:
    id: strawberry.ID = strawberry.field(description="The campaign's id.")
    template: str = strawberry.field(description="What is said.")
    audience: str = strawberry.field(description="To whom.")
    state: CampaignState = strawberry.field(description="Where it stands.")
    size: int = strawberry.field(description="How many people the audience had at the beginning.")
    people: int = strawberry.field(description="How many have their message.")
    sent: int = strawberry.field(description="How many deliveries providers took.")
    starts_at: datetime = strawberry.field(description="When it starts.")


@strawberry.type(description="A template's words, filled in.")
class MessagePreview:
    title: str = strawberry.field(description="The title.")
    body: str = strawberry.field(description="The text.")


@strawberry.input(description="A parameter of a template.")
class MessageParameter:
    name: str = strawberry.field(description="Its name.")
    value: str = strawberry.field(description="Its value, as people will read it.")


@strawberry.type(description="The lane or provider is as it was wished.")
class SwitchSet:
    overview: Overview = strawberry.field(description="How things stand now.")


@strawberry.type(description="Dead messages are back in their lanes.")
class DeadMessagesRerun:
    count: int = strawberry.field(description="How many.")
    overview: Overview = strawberry.field(description="How things stand now.")


@strawberry.type(description="The campaign is as it was wished.")
class CampaignSet:
    campaign: Campaign = strawberry.field(description="The campaign.")


SwitchName = Annotated[
    str, strawberry.argument(description='"lane:bulk", "provider:sms": see the overview.')
]
CampaignId = Annotated[strawberry.ID, strawberry.argument(description="The campaign's id.")]
PauseMessagesResult = Annotated[SwitchSet | Refused, strawberry.union("PauseMessagesResult")]
ResumeMessagesResult = Annotated[SwitchSet | Refused, strawberry.union("ResumeMessagesResult")]
RerunDeadMessagesResult = Annotated[
    DeadMessagesRerun | Refused, strawberry.union("RerunDeadMessagesResult")
]
StartCampaignResult = Annotated[CampaignSet | Refused, strawberry.union("StartCampaignResult")]
SteerCampaignResult = Annotated[CampaignSet | Refused, strawberry.union("SteerCampaignResult")]
_RULE = staff(Scope.MESSAGES_RUN)


@strawberry.type
class Query:
    """The query fields of operating."""

    @query(_RULE, description="How messages get on: lanes, providers, rates, dead letters.")
    async def message_overview(self, info: Info) -> Overview:
        """Nothing is counted for it: counters, and the oldest of each lane."""
        return await overview.read(info.context.app)

    @query(_RULE, description="Deliveries that were given up.")
    async def dead_messages(
        self, info: Info, first: First, after: After = None
    ) -> Connection[DeadMessage]:
        """By id, the highest first."""
        first = page_size(first)
        before = parse_id(after) if after else None
        rows = await dead_letters.list_dead(first=first + 1, before=before)
        return connection(rows, first, lambda row: str(row.id), _dead, after=after)

    @query(_RULE, description="Campaigns, the newest first.")
    async def campaigns(
        self, info: Info, first: First, after: After = None
    ) -> Connection[Campaign]:
        """With their progress."""
        first = page_size(first)
        before = parse_id(after) if after else None
        rows = await campaigns.list_campaigns(first=first + 1, before=before)
        return connection(rows, first, lambda row: str(row.id), _campaign, after=after)

    @query(_RULE, description="What a template says, filled with parameters.")
    async def message_preview(
        self,
        info: Info,
        template: Annotated[str, strawberry.argument(description="The template's id.")],
        parameters: Annotated[
            list[MessageParameter], strawberry.argument(description="Every parameter it has.")
        ],
        english: Annotated[bool, strawberry.argument(description="Else Chinese.")] = False,
    ) -> MessagePreview:
        """A parameter that is missing, or one too many, is refused as when it is sent."""
        values = {parameter.name: parameter.value for parameter in parameters}
        locale = Locale.EN if english else Locale.ZH
        title, body = overview.preview(info.context.app, template, locale, values)
        return MessagePreview(title=title, body=body)


@strawberry.type
class Mutation:
    """The mutation fields of operating."""

    @mutation(_RULE, description="Pause a lane or a provider; what waits is kept.")
    async def pause_messages(
        self, info: Info, name: SwitchName, idempotency_key: IdempotencyKey
    ) -> PauseMessagesResult:
        """Pausing twice is pausing once."""
        await switches.pause_by_key(info.context, name, idempotency_key)
        return SwitchSet(overview=await overview.read(info.context.app))

    @mutation(_RULE, description="Let a lane or a provider go on.")
    async def resume_messages(
        self, info: Info, name: SwitchName, idempotency_key: IdempotencyKey
    ) -> ResumeMessagesResult:
        """Resuming twice is resuming once."""
        await switches.resume_by_key(info.context, name, idempotency_key)
        return SwitchSet(overview=await overview.read(info.context.app))

    @mutation(_RULE, description="Put the oldest dead messages back, so many a second.")
    async def rerun_dead_messages(
        self,
        info: Info,
        count: Annotated[int, strawberry.argument(description="How many at most, to 10,000.")],
        idempotency_key: IdempotencyKey,
    ) -> RerunDeadMessagesResult:
        """What is back is dead no more: another key takes others."""
        if count < 1:
            raise InvalidInput(PREVIEW_PARAMS, "count", detail="count")
        rerun = await dead_letters.rerun_by_key(info.context, count, idempotency_key)
        return DeadMessagesRerun(count=rerun, overview=await overview.read(info.context.app))

    @mutation(_RULE, description="Send one message to an audience, now or later.")
    async def start_campaign(
        self,
        info: Info,
        template: Annotated[str, strawberry.argument(description="The template's id.")],
        parameters: Annotated[
            list[MessageParameter], strawberry.argument(description="Every parameter it has.")
        ],
        audience: Annotated[str, strawberry.argument(description="To whom: everybody.")],
        idempotency_key: IdempotencyKey,
        starts_at: Annotated[
            datetime | None, strawberry.argument(description="Null for now.")
        ] = None,
    ) -> StartCampaignResult:
        """Once per idempotency key."""
        row = await campaigns.start(
            info.context,
            template,
            {parameter.name: parameter.value for parameter in parameters},
            audience,
            starts_at,
            idempotency_key,
        )
        return CampaignSet(campaign=_campaign(row))

    @mutation(_RULE, description="Pause, resume or cancel a campaign.")
    async def steer_campaign(
        self,
        info: Info,
        campaign_id: CampaignId,
        action: Annotated[CampaignAction, strawberry.argument(description="What to do.")],
        idempotency_key: IdempotencyKey,
    ) -> SteerCampaignResult:
        """What does not fit the campaign's state is a Conflict."""
        row = await campaigns.steer_by_key(
            info.context, parse_id(campaign_id), action, idempotency_key
        )
        return CampaignSet(campaign=_campaign(row))


def _dead(row: Delivery) -> DeadMessage:
    return DeadMessage(
        id=strawberry.ID(str(row.id)),
        channel=row.channel,
        provider=row.provider,
        error=row.error,
        ended_at=row.ended_at,
    )


def _campaign(row: CampaignRow) -> Campaign:
    return Campaign(
        id=strawberry.ID(str(row.id)),
        template=row.template,
        audience=row.audience,
        state=CampaignState(row.state),
        size=row.size,
        people=row.people,
        sent=row.sent,
        starts_at=row.starts_at,
    )
