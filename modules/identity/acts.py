"""What was done for somebody by another, told to whoever else is party to it: the person where they
have a phone of their own, and every other guardian."""

from uuid import UUID

from core.context.app import App
from core.database import Transaction, transaction
from core.people import acts
from core.people.acts import Act
from core.people.directory import find_person
from core.people.parties import Affair, list_readers
from core.queue.jobs import job
from core.security.vault import mask_name
from core.texts import Named
from modules.identity.messages import ACTED_FOR_CHILD, ACTED_FOR_YOU
from notifications import api as notifications


async def tell(app: App, tx: Transaction, act: Act) -> None:
    """The extension "people.acts": look the parties up and tell them, once `tx` has committed."""
    affair = (act.actor_id, act.subject_id, act.service_id)
    await tell_act.enqueue(app, tx, *affair, act.what.zh, act.what.en, act.key)


@job("identity.tell_act")
async def tell_act(
    app: App, actor_id: UUID, subject_id: UUID, service_id: str, zh: str, en: str, key: str
) -> None:
    """Job: put it into the inboxes of the parties but the actor's; repeat-safe by the key."""
    actor, subject = await find_person(app, actor_id), await find_person(app, subject_id)
    if actor is None or subject is None:
        return
    readers = await list_readers(app, Affair(actor.id, subject.id, service_id))
    known = {"who": mask_name(actor.name or "-"), "what": Named(zh, en)}
    link = app.city.deep_link.format(id=service_id) if service_id else None
    async with transaction() as tx:
        for reader in readers:
            if reader.id == actor.id or not reader.has_phone:
                continue
            if reader.id == subject.id:
                template, params = ACTED_FOR_YOU, known
            else:
                template = ACTED_FOR_CHILD
                params = {**known, "name": mask_name(subject.name or "-")}
            await notifications.send(app, tx, template, reader, params, key, deep_link=link)


TELLER = acts.Teller(tell)
