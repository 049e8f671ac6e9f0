"""Files of applications, scored batch by batch: larger than memory, on one machine or on many.

A batch is a pure function of its rows, the model and the policy, so where it runs and how rows are
cut into batches changes nothing in the result.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import repeat
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from credit.engine.assess import Assessed, Desk
from credit.engine.features import Floats
from credit.engine.intake import parse
from credit.engine.presence import Presence
from credit.engine.reasons import MOST_REASONS, reason_text, top_factors
from credit.policy.rules import SEVERITY
from credit.storage.errors import Fault, InputError
from credit.storage.files import BATCH_ROWS, Batch, TableForm, batches, form_of, written_whole

HEADER = [
    "id", "pd", "score", "decision", *(f"reason_{i + 1}" for i in range(MOST_REASONS)),
    "limit", "absent", "policy", "model", "decided_on",
]  # fmt: skip

_QUOTE, _LINE_END = '"', "\r\n"
_SPECIAL = (",", _QUOTE, "\r", "\n")
_FORMULA = ("=", "@", "\t", "+", "-")


@dataclass(frozen=True)
class Job:
    """How a file is to be scored: its day, the language of reasons, and whether to give any."""

    on: date
    language: str
    reasons: bool = True


Spread = Callable[[Iterator[tuple[int, Batch]]], Iterable[tuple[list[str], bytes]]]
"""How batches are worked on: (ids, CSV lines) of each, as in order out as in order in."""


def score_file(
    desk: Desk,
    data: Path,
    out: Path,
    job: Job,
    *,
    form: TableForm | None = None,
    spread: Spread | None = None,
    done: Callable[[int], None] | None = None,
) -> int:
    """Score every row of a file into a CSV; returns how many.

    The CSV appears only when complete. Raises InputError by row and column.
    """
    here = spread or local(desk, job)
    rows, known = 0, _Ids(str(desk.artefact.content["id"]) or "(row)")
    form = form or form_of(data, desk.artefact.file_form)
    with written_whole(out) as file:
        file.write((",".join(HEADER) + "\r\n").encode())
        for ids, part in here(batches(data, frozenset(desk.input_names), BATCH_ROWS, form)):
            known.add(ids)
            file.write(part)
            rows += len(ids)
            if done:
                done(rows)
        if not rows:
            raise InputError(f"{data.name} holds no rows")
    return rows


class _Ids:
    """The ids met so far, as hashes: a file that decides twice on one application is refused."""

    def __init__(self, column: str) -> None:
        self._column, self._seen, self._rows = column, set[int](), 0

    def add(self, ids: list[str]) -> None:
        """Raises InputError for an id met before."""
        before = len(self._seen)
        self._seen.update(map(hash, ids))
        self._rows += len(ids)
        if len(self._seen) - before == len(ids):
            return
        first = self._rows - len(ids)
        batch: set[str] = set()
        for i, text in enumerate(ids, start=1):
            if text in batch:
                raise InputError([Fault(first + i, self._column, f"{text!r} stands there twice")])
            batch.add(text)
        raise InputError(f"column {self._column}: an id of rows {first + 1} on stands there twice")


def local(desk: Desk, job: Job) -> Spread:
    """Batches one after another in this process."""

    def work(parts: Iterator[tuple[int, Batch]]) -> Iterator[tuple[list[str], bytes]]:
        for first, batch in parts:
            yield score_batch(desk, first, batch, job)

    return work


def score_batch(desk: Desk, first: int, batch: Batch, job: Job) -> tuple[list[str], bytes]:
    """(ids, CSV lines) of one batch whose first row has number `first` in the file."""
    artefact = desk.artefact
    inputs = parse(batch, desk.columns, first_row=first, today=job.on)
    observed = artefact.observe(inputs)
    if job.reasons:
        log_odds, parts = artefact.model.contributions(observed.matrix)
        assessed = desk.judge(inputs, observed, log_odds)
        reasons = _reason_columns(assessed, parts, job.language)
    else:
        assessed = desk.assess(inputs)
        reasons = [[""] * inputs.rows] * MOST_REASONS
    column = str(artefact.content["id"])
    if column:
        ids = ["" if text is None else text for text in inputs.columns[column].tolist()]
    else:
        ids = [str(first + i) for i in range(inputs.rows)]
    names = np.array([str(outcome) for outcome in SEVERITY], dtype=object)
    stamp = (desk.policy.id, artefact.hash, job.on.isoformat())
    lines = map(
        ",".join,
        zip(
            _quoted(_harmless(ids)),
            map("{:.9f}".format, assessed.pd.tolist()),
            map(str, assessed.score.tolist()),
            names[assessed.verdicts.outcome].tolist(),
            *map(_quoted, reasons),
            map(str, assessed.verdicts.limit.tolist()),
            _absent_names(assessed),
            *(repeat(value) for value in _quoted(stamp)),
            strict=False,
        ),
    )
    return ids, "".join(line + _LINE_END for line in lines).encode()


def _quoted(texts: Sequence[str]) -> Sequence[str]:
    """Texts as fields of a CSV: quoted where a separator, a quote or a line's end is inside."""
    distinct = set(texts)
    if not any(mark in "".join(distinct) for mark in _SPECIAL):
        return texts
    escaped = {
        text: f'"{text.replace(_QUOTE, _QUOTE * 2)}"'
        if any(mark in text for mark in _SPECIAL)
        else text
        for text in distinct
    }
    return [escaped[text] for text in texts]


def _harmless(ids: list[str]) -> list[str]:
    """Ids that a spreadsheet would take for a formula get an apostrophe before them."""
    return [
        f"'{text}" if text[:1] in _FORMULA and not text[1:2].isdigit() else text for text in ids
    ]


def _absent_names(assessed: Assessed) -> list[str]:
    """The features of each row that were not known in a way the model cannot judge by."""
    names = [feature.name for feature in assessed.desk.artefact.features]
    out = [""] * assessed.inputs.rows
    unsupported = assessed.observed.unsupported
    for i in np.flatnonzero(unsupported.any(axis=1)).tolist():
        out[i] = " ".join(names[j] for j in np.flatnonzero(unsupported[i]).tolist())
    return out


def _reason_columns(assessed: Assessed, parts: Floats, language: str) -> list[list[str]]:
    """Up to four texts per row: what rules found in the inputs, then the scored factors.

    The factors are those that raised the risk, or for an approval those that lowered it.
    """
    at = 0 if language == "zh" else 1
    adverse = assessed.verdicts.outcome > 0
    strongest = top_factors(np.where(adverse[:, None], parts, -parts), raising=True)
    table = _texts(assessed, at)
    row = np.arange(len(parts))
    columns: list[NDArray[Any]] = []
    for k in range(MOST_REASONS):
        j = strongest[:, k] if k < strongest.shape[1] else np.full(len(parts), -1)
        presence = assessed.observed.presence[row, j]
        columns.append(np.where(j < 0, "", table[adverse.astype(np.intp), j, presence]))
    by_rule = (assessed.verdicts.tripped | assessed.verdicts.unknown).any(axis=0)
    special = by_rule | assessed.verdicts.unsupported | assessed.verdicts.no_limit
    for i in np.flatnonzero(special).tolist():
        texts = [f.text[at] for f in assessed.findings(i) if not f.rests_on_score]
        if texts:
            texts += [column[i] for column in columns]
            for column, text in zip(columns, texts, strict=False):
                column[i] = text
    return [column.tolist() for column in columns]


def _texts(assessed: Assessed, at: int) -> NDArray[Any]:
    """Reason texts by (lowering or raising, feature, presence)."""
    features = assessed.desk.artefact.features
    table = np.empty((2, len(features), len(Presence)), dtype=object)
    for j, feature in enumerate(features):
        for presence in Presence:
            for raising in (False, True):
                table[int(raising), j, presence] = reason_text(feature, presence, raising=raising)[
                    at
                ]
    return table
