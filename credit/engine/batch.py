"""Files of applications, scored batch by batch: larger than memory, on one machine or on many.

A batch is a pure function of its rows and the artefact, so where it runs and how rows are cut into
batches changes nothing in the result.
"""

import csv
import io
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from credit.engine.artefact import Artefact
from credit.engine.decision import PROB_DIGITS, range_flags
from credit.engine.intake import parse
from credit.engine.model import probability
from credit.engine.reasons import MOST_REASONS, top_factors
from credit.engine.schema import Kind
from credit.errors import InputError
from credit.files import BATCH_ROWS, Batch, batches, written_whole
from credit.policy.rules import Outcome, Policy, Rule, facts_of, policy_on
from credit.policy.shipped import POLICIES

HEADER = ["id", "pd", "score", "decision", *(f"reason_{i + 1}" for i in range(MOST_REASONS))]

Spread = Callable[[Iterator[tuple[int, Batch]]], Iterable[bytes]]
"""How batches are worked on: in order out, as in order in."""


def score_file(
    artefact: Artefact,
    data: Path,
    out: Path,
    *,
    on: date,
    language: str,
    spread: Spread | None = None,
    done: Callable[[int], None] | None = None,
) -> int:
    """Score every row of a file into a CSV; returns how many.

    The CSV appears only when complete. Raises InputError by row and column.
    """
    here = spread or local(artefact, on, language)
    wanted = frozenset(column.name for column in artefact.columns)
    rows = 0
    with written_whole(out) as file:
        file.write((",".join(HEADER) + "\r\n").encode())
        for part in here(batches(data, wanted, BATCH_ROWS)):
            file.write(part)
            rows += part.count(b"\r\n")
            if done:
                done(rows)
        if not rows:
            raise InputError(f"{data.name} holds no rows")
    return rows


def local(artefact: Artefact, on: date, language: str) -> Spread:
    """Batches one after another in this process."""

    def work(parts: Iterator[tuple[int, Batch]]) -> Iterator[bytes]:
        for first, batch in parts:
            yield score_batch(artefact, first, batch, on, language)

    return work


def score_batch(artefact: Artefact, first: int, batch: Batch, on: date, language: str) -> bytes:
    """CSV lines of one batch whose first row has number `first` in the file."""
    columns = parse(batch, artefact.columns, first_row=first, today=on)
    rows = len(next(iter(columns.values())))
    matrix = artefact.matrix(columns, rows)
    log_odds, parts = artefact.model.contributions(matrix)
    probs = np.round(probability(log_odds), PROB_DIGITS)
    points = artefact.scale.score(log_odds)
    policy = policy_on(POLICIES, artefact.policy, on)
    numbers = [c.name for c in artefact.columns if c.kind is Kind.NUMBER]
    verdicts = []
    for i in range(rows):
        inputs = {name: columns[name][i] for name in numbers}
        verdicts.append(_verdict(artefact, policy, matrix[i], probs[i], points[i], inputs))
    reasons = _reason_texts(artefact, parts, verdicts, language)
    text = io.StringIO()
    writer = csv.writer(text)
    ids = columns[str(artefact.content["id"])].tolist()
    for row in zip(ids, probs.tolist(), points.tolist(), verdicts, reasons, strict=True):
        writer.writerow([row[0], f"{row[1]:.9f}", row[2], str(row[3][0]), *row[4]])
    return text.getvalue().encode()


Verdict = tuple[Outcome, list[Rule]]


def _verdict(
    artefact: Artefact, policy: Policy, row: Any, prob: Any, points: Any, inputs: dict[str, Any]
) -> Verdict:
    facts = facts_of(float(prob), int(points), len(range_flags(artefact, row)), inputs)
    return policy.apply(facts)


def _reason_texts(
    artefact: Artefact, parts: Any, verdicts: list[Verdict], language: str
) -> list[list[str]]:
    """Up to four texts per row: rules on the inputs that tripped, then the scored factors.

    The factors are those that raised the risk, or for an approval those that lowered it.
    """
    at = 0 if language == "zh" else 1
    raising, lowering = top_factors(parts, raising=True), top_factors(parts, raising=False)
    features = artefact.features
    out = []
    for i, (outcome, rules) in enumerate(verdicts):
        approved = outcome is Outcome.APPROVE
        texts = [rule.text[at] for rule in rules if not rule.rests_on_score]
        for j in (lowering if approved else raising)[i].tolist():
            if j >= 0:
                texts.append((features[j].strength if approved else features[j].reason)[at])
        out.append((texts + [""] * MOST_REASONS)[:MOST_REASONS])
    return out
