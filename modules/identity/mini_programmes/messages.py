"""What the owner of an account is told of the mini-programmes that open it."""

from uuid import UUID

from core.context.app import App
from core.database import Transaction
from modules.identity import alarm
from modules.identity.mini_programmes import texts
from notifications.api import Template

MINI_PROGRAMME_LINKED = Template(
    "identity.mini_programme_linked",
    texts.MINI_PROGRAMME_LINKED_TITLE,
    texts.MINI_PROGRAMME_LINKED_MESSAGE,
)
MINI_PROGRAMME_UNLINKED = Template(
    "identity.mini_programme_unlinked",
    texts.MINI_PROGRAMME_UNLINKED_TITLE,
    texts.MINI_PROGRAMME_UNLINKED_MESSAGE,
)


async def tell_linked(
    app: App, tx: Transaction, citizen_id: UUID, link_id: UUID, platform: str
) -> None:
    """Tell that a platform's mini-programme opens the account from now on."""
    template = MINI_PROGRAMME_LINKED.id
    await alarm.tell.enqueue(app, tx, citizen_id, template, platform, str(link_id))


async def tell_unlinked(
    app: App, tx: Transaction, citizen_id: UUID, link_id: UUID, platform: str
) -> None:
    """Tell that a platform's mini-programme opens the account no more, as its user wished there,
    and that the sessions which it had opened have ended."""
    template = MINI_PROGRAMME_UNLINKED.id
    await alarm.tell.enqueue(app, tx, citizen_id, template, platform, str(link_id))
