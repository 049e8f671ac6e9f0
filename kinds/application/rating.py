"""What citizens say of their ended cases: one of five grades, once; a poor one is called back.

GB/T 39734 and GB/T 39735: five grades, one rating per handling. The call-back is a case of its own
with limits of its own, opened in the transaction of the rating.
"""

from collections.abc import Sequence
from uuid import UUID

from core.clock import civil_date
from core.context.call import Call
from core.context.commands import claim_key
from core.database import IntegrityError, transaction, violated
from core.errors import Conflict, InvalidInput
from core.ids import new_id
from kinds.application import service, store, texts, versions
from kinds.application.engine import SYSTEM
from kinds.application.form import FormIncomplete, read_answers
from kinds.application.models import Case, Rating
from kinds.application.opening import Opening, open_in

TEXT = "applications.rating"
"""The purpose under which words are sealed."""

BEST, POOR = 5, 2
"""The best grade; from this one down a rating is poor."""

TEXT_CHARS_MOST = 500
LABELS_MOST, LABEL_CHARS_MOST = 6, 20


async def rate(
    call: Call, case_id: UUID, grade: int, labels: Sequence[str], text: str, key: str
) -> Rating:
    """Rate one of the viewer's cases that has ended; the same key rates once.

    Raises NotFound, InvalidInput for what cannot be said, Conflict CASE_NOT_ENDED and CASE_RATED.
    """
    case = await service.get_case(call, case_id)
    _check(grade, labels, text)
    if case.ended_at is None:
        raise Conflict(texts.NOT_ENDED)
    call_back = None
    if grade <= POOR:
        call_back = await _call_back(call, case, grade, text)
    command = {"case": case_id, "grade": grade, "labels": list(labels), "text": text}
    try:
        async with transaction() as tx:
            claim = await claim_key(call, tx, "rateCase", key, command, effect_id=case_id)
            if not claim.replayed:
                opened = None
                if call_back is not None:
                    opened = await open_in(call.app, tx, new_id(), call_back, SYSTEM)
                values = {
                    "case_id": case_id,
                    "citizen_id": case.citizen_id,
                    "grade": grade,
                    "labels": list(labels),
                    "text_sealed": call.app.vault.encrypt(text, TEXT) if text else None,
                    "call_back_id": opened.id if opened else None,
                    "rated_at": call.app.clock.now(),
                }
                await store.insert_rating(tx, values)
    except IntegrityError as error:
        if violated(error) != "applications_rating_pkey":
            raise
        raise Conflict(texts.RATED) from None
    found = await store.find_rating(case_id)
    assert found is not None
    return found


async def _call_back(call: Call, case: Case, grade: int, text: str) -> Opening | None:
    """The call-back on a poor rating; a rated call-back is called back no more."""
    definition = await versions.find_call_back(call)
    if definition is None or case.service_id == definition.service:
        return None
    answers = {"case_no": case.no, "grade": str(grade), "text": text}
    today = civil_date(call.app.clock.now())
    form, problems = read_answers(definition, answers, today, complete=True)
    if problems:
        raise FormIncomplete(problems)
    definition_id = await versions.store(call.app, definition)
    category = next(iter(definition.promise))
    return Opening(definition, definition_id, case.citizen_id, category, form)


def _check(grade: int, labels: Sequence[str], text: str) -> None:
    if not 1 <= grade <= BEST:
        raise InvalidInput(texts.GRADE_RANGE, "grade")
    if len(labels) > LABELS_MOST or len(set(labels)) < len(labels):
        raise InvalidInput(texts.LABELS_MANY, "labels")
    for label in labels:
        if not 0 < len(label) <= LABEL_CHARS_MOST or not label.isprintable():
            raise InvalidInput(texts.LABELS_MANY, "labels")
    if len(text) > TEXT_CHARS_MOST:
        raise InvalidInput(texts.NOTE_LONG, "text", most=TEXT_CHARS_MOST)
