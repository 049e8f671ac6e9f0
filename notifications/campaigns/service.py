"""Starting, steering and fanning out campaigns.

A step gives the next thousand people their messages and moves the mark, in one transaction. Two
workers with the same step find the mark moved; and as a message's id follows from the campaign and
the person, even a step that is done twice writes nothing twice.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from uuid import UUID

from core.clock import ensure_utc
from core.context.app import App
from core.context.call import Call
from core.context.commands import claim_key
from core.database import Transaction, fetch_all, transaction
from core.errors import InvalidInput, NotFound
from core.ids import new_id
from core.queue.jobs import JobKind
from core.refusal_texts import NOT_FOUND
from core.texts import Locale
from notifications.campaigns.audience import AUDIENCES, Audience
from notifications.campaigns.domain import (
    CAMPAIGN,
    CHUNK,
    CampaignAction,
    CampaignState,
)
from notifications.campaigns.models import Campaign
from notifications.messages import sending
from notifications.messages.sending import Envelope
from notifications.templates.recipients import Parcel
from notifications.templates.template import InvalidParameters, Param, Template, templates_of
from notifications.templates.texts import CAMPAIGN_AUDIENCE, CAMPAIGN_PARAMS, CAMPAIGN_TEMPLATE

STEP = JobKind[UUID, UUID]("notifications.campaign_step")
_NOBODY = UUID(int=0)
_JSON_TYPES = frozenset({Param.TEXT, Param.NUMBER, Param.FEN})
"""Of what a campaign keeps until it is sent."""


async def create(
    app: App,
    template_id: str,
    params: Mapping[str, object],
    audience_name: str,
    starts_at: datetime,
    created_by: UUID | None,
    campaign_id: UUID | None = None,
) -> Campaign:
    """A campaign that starts at a moment, or now if that is past.

    Raises InvalidInput for an unknown template or audience, one whose class passes what people
    refuse, and for parameters that do not fit.
    """
    template = templates_of(app).get(template_id)
    if template is None or template.rule.is_critical:
        raise InvalidInput(CAMPAIGN_TEMPLATE, "template")
    _require_params(template, params)
    audience = _find_audience(app, audience_name)
    size, now = await audience.size(app), app.clock.now()
    async with transaction() as tx:
        campaign = await Campaign.create(
            using_db=tx,
            id=campaign_id or new_id(),
            template=template_id,
            params=dict(params),
            audience=audience_name,
            state="scheduled",
            after_id=_NOBODY,
            size=size,
            starts_at=ensure_utc(starts_at),
            created_by=created_by,
            created_at=now,
        )
        wait = max(timedelta(0), campaign.starts_at - now)
        await STEP.enqueue(app, tx, campaign.id, _NOBODY, after=wait)
    return campaign


async def start(
    call: Call,
    template_id: str,
    params: Mapping[str, object],
    audience: str,
    starts_at: datetime | None,
    key: str,
) -> Campaign:
    """Create a campaign for an operator, once per key. Raises as `create`, and Conflict."""
    app, by = call.app, call.require_viewer().user_id
    command = {
        "template": template_id,
        "params": dict(params),
        "audience": audience,
        "at": starts_at.isoformat() if starts_at else None,
    }
    async with transaction() as tx:
        claim = await claim_key(call, tx, "startCampaign", key, command)
    known = await Campaign.get_or_none(id=claim.effect_id)
    if known is not None:
        return known
    at = starts_at or app.clock.now()
    return await create(app, template_id, params, audience, at, by, claim.effect_id)


async def steer(app: App, campaign_id: UUID, action: CampaignAction) -> Campaign:
    """Pause, resume or cancel. What has been given out and not sent yet follows.

    Raises NotFound, IllegalTransition.
    """
    async with transaction() as tx:
        return await _steer(app, tx, campaign_id, action)


async def steer_by_key(call: Call, campaign_id: UUID, action: CampaignAction, key: str) -> Campaign:
    """The same for an operator, once per key. Raises as `steer`, and Conflict."""
    command = {"campaign": str(campaign_id), "action": action}
    async with transaction() as tx:
        claim = await claim_key(call, tx, "steerCampaign", key, command, effect_id=campaign_id)
        if claim.replayed:
            return await _lock(tx, campaign_id)
        return await _steer(call.app, tx, campaign_id, action)


async def _steer(app: App, tx: Transaction, campaign_id: UUID, action: CampaignAction) -> Campaign:
    campaign = await _lock(tx, campaign_id)
    campaign.state = CAMPAIGN.next_state(campaign.state, action)
    if action is CampaignAction.CANCEL:
        campaign.ended_at = app.clock.now()
    await campaign.save(using_db=tx, update_fields=["state", "ended_at"])
    if action is CampaignAction.RESUME:
        await STEP.enqueue(app, tx, campaign.id, campaign.after_id)
    return campaign


async def step(app: App, campaign_id: UUID, after_id: UUID) -> None:
    """Give the next people their messages. Repeat-safe."""
    campaign = await Campaign.get_or_none(id=campaign_id)
    if campaign is None or campaign.after_id != after_id:
        return
    template = templates_of(app)[campaign.template]
    members = await _find_audience(app, campaign.audience).page(app, after_id, CHUNK)
    async with transaction() as tx:
        campaign = await _lock(tx, campaign_id)
        if campaign.state == CampaignState.SCHEDULED:
            campaign.state = CAMPAIGN.next_state(campaign.state, "start")
            await campaign.save(using_db=tx, update_fields=["state"])
        if campaign.after_id != after_id or campaign.state != CampaignState.RUNNING:
            return
        if members:
            parcels = [Parcel(member, campaign.params) for member in members]
            envelope = Envelope(f"campaign:{campaign.id}", campaign_id=campaign.id)
            await sending.send_many(app, tx, template, parcels, envelope)
            campaign.after_id, campaign.people = members[-1].id, campaign.people + len(members)
        if len(members) < CHUNK:
            campaign.state, campaign.ended_at = "done", app.clock.now()
        else:
            await STEP.enqueue(app, tx, campaign.id, campaign.after_id)
        await campaign.save(using_db=tx, update_fields=["state", "after_id", "people", "ended_at"])


async def count_sent(tx: Transaction, counts: Mapping[UUID, int]) -> None:
    """Note that providers took so many deliveries of campaigns; last in its transaction."""
    for campaign_id in sorted(counts):
        await fetch_all(
            tx,
            "UPDATE notifications_campaign SET sent = sent + $2 WHERE id = $1 RETURNING 1",
            campaign_id,
            counts[campaign_id],
        )


async def list_campaigns(*, first: int, before: UUID | None) -> list[Campaign]:
    """Campaigns, the newest first."""
    campaigns = Campaign.all() if before is None else Campaign.filter(id__lt=before)
    return await campaigns.order_by("-id").limit(first)


def _require_params(template: Template, params: Mapping[str, object]) -> None:
    """Refuse parameters that do not fit, and types that have no JSON form."""
    try:
        for locale in Locale:
            template.render(locale, params)
    except InvalidParameters as error:
        raise InvalidInput(CAMPAIGN_PARAMS, "params", detail=str(error)) from None
    if not _JSON_TYPES.issuperset(template.params.values()):
        raise InvalidInput(CAMPAIGN_TEMPLATE, "template")


def _find_audience(app: App, name: str) -> Audience:
    for audience in app.extensions(AUDIENCES):
        if audience.name == name:
            return audience
    raise InvalidInput(CAMPAIGN_AUDIENCE, "audience")


async def _lock(tx: Transaction, campaign_id: UUID) -> Campaign:
    campaign = await Campaign.select_for_update().using_db(tx).get_or_none(id=campaign_id)
    if campaign is None:
        raise NotFound(NOT_FOUND)
    return campaign
