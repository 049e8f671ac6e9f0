"""SMS through the city's gateway; see docs/upstreams/sms.md."""

from collections.abc import Sequence

from core.context.app import App
from core.deadline import Deadline
from notifications.channels.port import Outbound, Outcome, Provider, each
from notifications.domain import Channel
from notifications.upstream import send as send_text


async def send(app: App, deadline: Deadline, outbounds: Sequence[Outbound]) -> Sequence[Outcome]:
    """Hand texts to the gateway."""

    async def one(outbound: Outbound) -> str:
        return await send_text(app, deadline, outbound.ref, outbound.address, outbound.body)

    return await each(outbounds, one)


GATEWAY = Provider("sms", Channel.SMS, send)
