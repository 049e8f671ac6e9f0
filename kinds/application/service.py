"""What citizens do: open a case, fill in its form, take their steps, look how it stands."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from core.clock import civil_date
from core.context.call import Call
from core.context.commands import claim_key, recall_key
from core.database import IntegrityError, transaction, violated
from core.errors import Conflict, Forbidden, InvalidInput, NotFound
from core.people.freezes import refuse_frozen
from core.refusal_texts import NOT_FOUND
from kinds.application import attachments, engine, store, texts, versions
from kinds.application.definition import NO_CATEGORY, Actor, Definition, Turn
from kinds.application.engine import By, Choices
from kinds.application.form import FormIncomplete, Problem, read_answers
from kinds.application.holdings import Known, fill_in
from kinds.application.models import Case, CaseEvent
from kinds.application.opening import Opening, open_form, open_in, seal_form

_NO_CHARS = 48
NO_REASONS: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class BlankForm:
    """The form of a service, with what the city holds of the viewer filled in."""

    definition: Definition
    known: Mapping[str, Known]


async def get_form(call: Call, service: str, item: str = "") -> BlankForm:
    """The form of a service, or of one of its items. Raises NotFound."""
    definition = await _get_current(call, service, item)
    call.require_service(service)
    return BlankForm(definition, await fill_in(call, definition))


async def open_case(
    call: Call,
    service: str,
    answers: Mapping[str, str],
    key: str,
    *,
    item: str = "",
    category: str = NO_CATEGORY,
    reasons: Mapping[str, str] = NO_REASONS,
) -> Case:
    """Open a case of the viewer. The same key gives the same case.

    `reasons` say of fields, by name, why they are answered other than the city filled them in; they
    stand in the timeline.

    Raises NotFound for no such service or item, FormIncomplete, InvalidInput CATEGORY_UNKNOWN and
    REASON_UNKNOWN, Conflict TOO_MANY_OPEN, ALREADY_OPEN and KEY_REUSED.
    """
    app = call.app
    command = {
        "service": service,
        "item": item,
        "category": category,
        "answers": dict(answers),
        "reasons": dict(reasons),
    }
    # before the form is read anew: it may be another by now, or its registry silent
    earlier = await recall_key(call, "openCase", key, command)
    if earlier is not None:
        call.require_service(service)
        return await _get(earlier)
    await _refuse_frozen(call, service)
    definition = await _get_current(call, service, item)
    citizen_id = call.require_service(service).user_id
    if category not in definition.promise:
        raise InvalidInput(texts.CATEGORY_UNKNOWN, "category")
    is_draft = definition.states[0].turn is Turn.CITIZEN
    form = check_form(call, definition, answers, complete=not is_draft)
    said = _say_reasons(definition, form, reasons)
    definition_id = await versions.store(app, definition)
    opening = Opening(definition, definition_id, citizen_id, category, form)
    try:
        return await _open(call, opening, said, key, command)
    except IntegrityError as error:
        if violated(error) != "applications_case_exclusive":
            raise
        raise Conflict(texts.ALREADY_OPEN) from None


async def _open(
    call: Call, opening: Opening, said: str, key: str, command: Mapping[str, object]
) -> Case:
    async with transaction() as tx:
        claim = await claim_key(call, tx, "openCase", key, command)
        if not claim.replayed:
            by = By(Actor.CITIZEN, opening.citizen_id)
            case = await open_in(call.app, tx, claim.effect_id, opening, by)
            if said:
                await engine.note(call.app, tx, case, texts.CORRECT, by, said)
    return await _get(claim.effect_id)


async def save_answers(
    call: Call,
    case_id: UUID,
    answers: Mapping[str, str],
    key: str,
    *,
    reasons: Mapping[str, str] = NO_REASONS,
) -> Case:
    """Fill in the form of a case that waits for the viewer; it need not be complete yet.

    `reasons` as in `open_case`. Raises NotFound, FormIncomplete for answers that no form takes,
    InvalidInput REASON_UNKNOWN, Conflict where it is not the citizen's turn, Forbidden
    ACCOUNT_DISPUTED.
    """
    mine = await get_case(call, case_id)
    definition = await versions.get_stored(call.app, mine.definition_id)
    form = check_form(call, definition, answers, complete=False)
    said = _say_reasons(definition, form, reasons)
    command = {"case": case_id, "answers": dict(answers), "reasons": dict(reasons)}
    async with transaction() as tx:
        claim = await claim_key(call, tx, "saveCase", key, command, effect_id=case_id)
        case = await store.lock_case(tx, case_id)
        assert case is not None
        if not claim.replayed:
            if case.turn != Turn.CITIZEN:
                raise Conflict(texts.NOT_YOUR_STEP)
            await _refuse_frozen(call, case.service_id)
            await store.update_case(tx, case_id, form_sealed=seal_form(call.app, form))
            if said:
                by = By(Actor.CITIZEN, case.citizen_id)
                await engine.note(call.app, tx, case, texts.CORRECT, by, said)
    return await _get(case_id)


def _say_reasons(
    definition: Definition, form: Mapping[str, str], reasons: Mapping[str, str]
) -> str:
    """Reasons as they stand in the timeline, a line for each. Raises InvalidInput for a field that
    is not answered and for one that the city does not fill in, and for too many words."""
    fields = {
        one.name: one for one in definition.form if one.name in form and (one.prefill or one.held)
    }
    if not reasons.keys() <= fields.keys():
        raise InvalidInput(texts.REASON_UNKNOWN, "answers")
    said = "\n".join(f"{fields[name].title.zh}: {text.strip()}" for name, text in reasons.items())
    if len(said) > engine.NOTE_CHARS_MAX:
        raise InvalidInput(texts.NOTE_LONG, "answers", most=engine.NOTE_CHARS_MAX)
    return said


async def take_step(call: Call, case_id: UUID, event: str, note: str, key: str) -> Case:
    """Take a step of the citizen in one of the viewer's cases. The same key takes it once.

    Raises NotFound, IllegalTransition, FormIncomplete with everything that is missing, InvalidInput
    and Conflict as `engine.take` does, Conflict CASE_CHANGED where the form is another by then than
    the one that was looked at, Forbidden ACCOUNT_DISPUTED for what does not end the case.
    """
    command = {"case": case_id, "event": event, "note": note}
    seen = await get_case(call, case_id)
    problems = await _look_outside(call, seen, event)
    async with transaction() as tx:
        claim = await claim_key(call, tx, "takeCaseStep", key, command, effect_id=case_id)
        case = _own(call, await store.lock_case(tx, case_id))
        if not claim.replayed:
            definition = await versions.get_stored(call.app, case.definition_id)
            step = definition.find_step(case.state, event)
            if step.by is not Actor.CITIZEN:
                raise Forbidden(texts.NOT_YOUR_STEP)
            if definition.by_name[step.target].turn is not Turn.NOBODY:
                await _refuse_frozen(call, case.service_id)
            if step.fills:
                _refuse_changed(call, seen, case)
                answers = answers_of(call, case)
                papers = await attachments.find_missing(tx, case, definition, answers)
                check_form(call, definition, answers, complete=True, found=[*papers, *problems])
            by = By(Actor.CITIZEN, case.citizen_id)
            await engine.take(call.app, tx, case, definition, step, by, Choices(note))
    return case


async def _refuse_frozen(call: Call, service: str) -> None:
    """Hold up what gives money or rights away while it is disputed whose the account is: services
    that ask for a proof of who it is. Raises Forbidden ACCOUNT_DISPUTED."""
    known = call.app.services.get(service)
    if known is not None and known.assurance is not None:
        await refuse_frozen(call)


async def _look_outside(call: Call, case: Case, event: str) -> Sequence[Problem]:
    """What the service finds outside against the form of a case, where a step hands it in."""
    application = versions.find_application(call.app, case.service_id)
    if application is None or application.look is None:
        return ()
    definition = await versions.get_stored(call.app, case.definition_id)
    steps = definition.steps_from(case.state, Actor.CITIZEN)
    if not any(step.event == event and step.fills for step in steps):
        return ()  # the step itself is refused below, or is a repetition
    return await application.look(call, definition, answers_of(call, case))


def _refuse_changed(call: Call, seen: Case, case: Case) -> None:
    """Let no form be handed in that the service has not looked at. Raises Conflict CASE_CHANGED."""
    application = versions.find_application(call.app, case.service_id)
    is_same = (seen.state, seen.form_sealed) == (case.state, case.form_sealed)
    if application is not None and application.look is not None and not is_same:
        raise Conflict(texts.CASE_CHANGED)


async def get_case(call: Call, case_id: UUID) -> Case:
    """One of the viewer's cases. Raises NotFound for anybody else's."""
    return _own(call, await store.find_case(case_id))


def _own(call: Call, case: Case | None) -> Case:
    """The case, where it is the viewer's. Raises NotFound for anybody else's."""
    if case is None or case.citizen_id != call.require_viewer().user_id:
        raise NotFound(NOT_FOUND)
    call.require_service(case.service_id)
    return case


async def find_own_case(call: Call, case_id: UUID) -> Case | None:
    """One of the viewer's cases as `list_cases` has it; None for anybody else's."""
    case, viewer = await store.find_case(case_id), call.require_viewer()
    return case if case is not None and case.citizen_id == viewer.user_id else None


async def find_by_no(call: Call, no: str) -> Case | None:
    """One of the viewer's cases by its number, however it is spaced and in small letters too."""
    viewer = call.require_viewer()
    case = await store.find_by_no("".join(no.split()).upper()[:_NO_CHARS])
    return case if case is not None and case.citizen_id == viewer.user_id else None


async def list_cases(
    call: Call, *, first: int, before: UUID | None, only_open: bool, service: str | None
) -> Sequence[Case]:
    """The viewer's cases, newest first."""
    citizen_id = call.require_viewer().user_id
    return await store.list_cases(
        citizen_id, first=first, before=before, only_open=only_open, service=service
    )


async def list_open(call: Call, most: int) -> Sequence[Case]:
    """The viewer's open cases: first what waits for the viewer, then what is due soonest."""
    return await store.list_open_cases(call.require_viewer().user_id, most)


async def list_timeline(call: Call, case: Case, *, after: int, first: int) -> list[CaseEvent]:
    """What happened to one of the viewer's cases, as `get_case` gives it, in order."""
    return await store.list_events(case.id, after=after, first=first)


def answers_of(call: Call, case: Case) -> dict[str, str]:
    """A case's form as it was filled in."""
    return open_form(call.app, case)


async def _get_current(call: Call, service: str, item: str) -> Definition:
    definition = await versions.find_current(call, service, item)
    if definition is None or versions.is_opened_elsewhere(call.app, service):
        raise NotFound(NOT_FOUND)
    return definition


def check_form(
    call: Call,
    definition: Definition,
    answers: Mapping[str, str],
    *,
    complete: bool,
    found: Sequence[Problem] = (),
) -> Mapping[str, str]:
    """The answers as they are kept. Raises FormIncomplete with everything that is missing, and with
    what else was found."""
    today = civil_date(call.app.clock.now())
    form, problems = read_answers(definition, answers, today, complete=complete)
    problems += found
    rule = versions.rule_of(call.app, definition.service)
    if complete and rule is not None:
        problems += rule(call.app.city, definition, form, today)
    if problems:
        raise FormIncomplete(problems)
    return form


async def _get(case_id: UUID) -> Case:
    case = await store.find_case(case_id)
    assert case is not None
    return case
