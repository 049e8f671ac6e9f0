"""The daily reconciliation: our file of a day, the bank's file, and where they differ.

A day has what was recorded here on that civil date of Shanghai, whatever day counts for money.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Annotated

import orjson
from pydantic import Field, StringConstraints, TypeAdapter

from core.clock import civil_date, parse_date, start_of_day
from core.context.app import App
from core.database import lock_name
from core.errors import NotFound
from core.ids import new_id
from core.json import to_json
from core.refusal_texts import NOT_FOUND
from credit.lending import api as lending
from credit.partner.loans import is_agreed
from credit.partner.models import OverdueReport, ReconciliationFile
from credit.partner.operation import Body, Operation, View, Visit
from credit.partner.scopes import PartnerScope
from credit.partner.wire import Day, Ref

TAG = "reconciliation"
LINES_MOST = 50_000
FILE_MAX_BYTES = 10_000_000


class LineKind(StrEnum):
    """What a line is of. REVERSED: a report was taken back; its `ref` is that of the report."""

    DISBURSED = "DISBURSED"
    REPAID = "REPAID"
    CHARGED = "CHARGED"
    RATE_CHANGED = "RATE_CHANGED"
    RESCHEDULED = "RESCHEDULED"
    WRITTEN_OFF = "WRITTEN_OFF"
    REVERSED = "REVERSED"


class FileLine(Body):
    """One thing that was recorded."""

    loan_no: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]{1,40}$")]
    kind: LineKind
    ref: Ref
    on: Day = Field(description="The day that counts for money.")
    amount_fen: int = Field(ge=0, le=10**12, description="0 where no money moves.")


class FileBody(Body):
    """Your file of a day."""

    lines: list[FileLine] = Field(max_length=LINES_MOST)


class FileView(View):
    """Our file of a day."""

    on: date
    is_final: bool = Field(description="False while the day lasts.")
    count: int
    disbursed_fen: int
    repaid_fen: int
    lines: list[FileLine]


class DifferenceKind(StrEnum):
    """What differs. MISSING_HERE: only your file has it. MISSING_THERE: only ours has it.
    DIFFERENT: day or amount. TWICE: your file has it twice. OVERDUE: you reported another sum or
    number of days.
    """

    MISSING_HERE = "MISSING_HERE"
    MISSING_THERE = "MISSING_THERE"
    DIFFERENT = "DIFFERENT"
    TWICE = "TWICE"
    OVERDUE = "OVERDUE"


class Difference(View):
    """One difference, with both sides where there are two."""

    kind: DifferenceKind
    loan_no: str
    ours: FileLine | None = None
    theirs: FileLine | None = None


class ReconciliationView(View):
    """How a day came out."""

    on: date
    received_at: datetime
    our_lines: int
    their_lines: int
    differences: list[Difference]


_LINES = TypeAdapter(list[FileLine])


def compare(ours: Sequence[FileLine], theirs: Sequence[FileLine]) -> list[Difference]:
    """Where two files of a day differ; the order of lines does not matter."""
    mine, differences = {_key(line): line for line in ours}, []
    seen: dict[tuple[str, str, str], FileLine] = {}
    for line in theirs:
        known = mine.get(_key(line))
        if _key(line) in seen:
            kind: DifferenceKind | None = DifferenceKind.TWICE
        elif known is None:
            kind = DifferenceKind.MISSING_HERE
        elif known != line:
            kind = DifferenceKind.DIFFERENT
        else:
            kind = None
        seen[_key(line)] = line
        if kind is None:
            continue
        found = Difference(kind=kind, loan_no=line.loan_no, ours=known, theirs=line)
        differences.append(found)
    differences += [
        Difference(kind=DifferenceKind.MISSING_THERE, loan_no=line.loan_no, ours=line)
        for key, line in mine.items()
        if key not in seen
    ]
    return differences


def _key(line: FileLine) -> tuple[str, str, str]:
    return line.loan_no, line.kind.value, line.ref


async def lines_of_day(bank_id: str, on: date) -> list[FileLine]:
    """What was recorded for a bank's loans on a day."""
    start_at = start_of_day(on)
    rows = await lending.list_day(bank_id, start_at, start_at + timedelta(days=1))
    return [line for row in rows if (line := _line(row)) is not None]


def _line(row: Mapping[str, object]) -> FileLine | None:
    kind, day = str(row["kind"]), row["value_on"]
    assert isinstance(day, date)
    if kind not in _KINDS:
        return None
    amount = orjson.loads(str(row["body"])).get("amount_fen", 0)
    ref = str(row["undoes"] or row["ref"])
    return FileLine(
        loan_no=str(row["no"]), kind=_KINDS[kind], ref=ref, on=day, amount_fen=int(amount)
    )


_KINDS = {
    "disbursed": LineKind.DISBURSED,
    "repaid": LineKind.REPAID,
    "charged": LineKind.CHARGED,
    "rate_changed": LineKind.RATE_CHANGED,
    "rescheduled": LineKind.RESCHEDULED,
    "written_off": LineKind.WRITTEN_OFF,
    "undo": LineKind.REVERSED,
}


async def _get_file(visit: Visit) -> FileView:
    on = _day(visit)
    lines = await lines_of_day(visit.bank.id, on)
    sums = {kind: sum(line.amount_fen for line in lines if line.kind is kind) for kind in LineKind}
    return FileView(
        on=on,
        is_final=on < civil_date(visit.app.clock.now()),
        count=len(lines),
        disbursed_fen=sums[LineKind.DISBURSED],
        repaid_fen=sums[LineKind.REPAID],
        lines=lines,
    )


async def _put_file(visit: Visit) -> ReconciliationView:
    on, body = _day(visit), visit.body
    text = to_json(_LINES.dump_python(body.lines, mode="json")).decode()
    await lock_name(visit.tx, f"partner.file:{visit.bank.id}:{on}")
    given = ReconciliationFile.filter(bank_id=visit.bank.id, day_on=on).using_db(visit.tx)
    await given.delete()
    row = await ReconciliationFile.create(
        using_db=visit.tx,
        id=new_id(),
        bank_id=visit.bank.id,
        day_on=on,
        lines=text,
        received_at=visit.app.clock.now(),
    )
    return await _view(visit.app, row)


async def _get_result(visit: Visit) -> ReconciliationView:
    row = await ReconciliationFile.get_or_none(bank_id=visit.bank.id, day_on=_day(visit))
    if row is None:
        raise NotFound(NOT_FOUND)
    return await _view(visit.app, row)


async def _view(app: App, row: ReconciliationFile) -> ReconciliationView:
    """The result of a file, against what stands here now."""
    theirs = _LINES.validate_json(row.lines)
    ours = await lines_of_day(row.bank_id, row.day_on)
    return ReconciliationView(
        on=row.day_on,
        received_at=row.received_at,
        our_lines=len(ours),
        their_lines=len(theirs),
        differences=[*compare(ours, theirs), *await _overdue(app, row)],
    )


async def _overdue(app: App, file: ReconciliationFile) -> list[Difference]:
    """Reports of the day that our books do not bear out, by all that is recorded of it now."""
    found = []
    for report in await OverdueReport.filter(bank_id=file.bank_id, day_on=file.day_on):
        ours = await lending.get_loan(app, file.bank_id, report.loan_id, on=file.day_on)
        if not is_agreed(report, ours.loan):
            found.append(Difference(kind=DifferenceKind.OVERDUE, loan_no=ours.row.no))
    return found


def _day(visit: Visit) -> date:
    """The day in the address, which has begun. Raises NotFound."""
    try:
        on = parse_date(visit.path["day_on"])
    except ValueError:
        raise NotFound(NOT_FOUND) from None
    if on > civil_date(visit.app.clock.now()):
        raise NotFound(NOT_FOUND)
    return on


_SCOPE, _ONE = PartnerScope.RECONCILIATION, "/reconciliation/{day_on}"
OPERATIONS = (
    Operation(
        *("getReconciliationFile", "GET", f"{_ONE}/file", TAG, "Our file of a day", _SCOPE),
        FileView,
        _get_file,
    ),
    Operation(
        *("putReconciliationFile", "PUT", f"{_ONE}/file", TAG, "Send your file of a day", _SCOPE),
        ReconciliationView,
        _put_file,
        body=FileBody,
        body_max_bytes=FILE_MAX_BYTES,
        description="Sent again it takes the place of the one before.",
    ),
    Operation(
        *("getReconciliation", "GET", _ONE, TAG, "Where the two files differ", _SCOPE),
        ReconciliationView,
        _get_result,
        description="Against what stands here now: what was put right since is no difference.",
    ),
)
