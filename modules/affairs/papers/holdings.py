"""E-licences that stand for papers of applications, by a consent of their own."""

from collections.abc import Sequence

from core.context.call import Call
from core.people.personal_read import Purpose
from core.upstream.readings import Reading
from kinds.application.holdings import HeldPaper, Holdings
from kinds.lookup import PersonalLookup
from modules.affairs.licences.domain import SERVICE, Licence, LicenceStatus
from modules.affairs.licences.texts import SYSTEM
from modules.affairs.licences.upstream import LICENCES, ask_licences
from modules.affairs.papers import texts

PURPOSE = Purpose(
    id="affairs.licence-papers",
    upstream=LICENCES.name,
    fields=("licences",),
    text=texts.CONSENT,
    text_version="2026-12",
)
PAPERS = PersonalLookup(SERVICE, PURPOSE, ask_licences, part="papers")


async def _read(call: Call) -> Reading[Sequence[HeldPaper]]:
    """Those of the viewer's licences that hold."""
    reading = await PAPERS.read(call)
    valid = [one for one in reading.records.items if one.status is LicenceStatus.VALID]
    return reading.map(lambda _: [_paper(one) for one in valid])


def _paper(licence: Licence) -> HeldPaper:
    return HeldPaper(
        licence.kind,
        licence.licence_ref,
        licence.name,
        licence.issuer_zh,
        licence.issued_on,
        licence.valid_until,
        {field.name: (field.title, field.value) for field in licence.fields},
    )


HOLDINGS = Holdings(PURPOSE, _read, SYSTEM)
