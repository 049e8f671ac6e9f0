"""Finding government items in process: how long a search takes, and how often it is right."""

import csv
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from modules.affairs.items.search.registry import index_of
from modules.affairs.registry.upstream import Export, read_registry
from sandbox.systems.government_items import registry as sandbox_registry

QUESTIONS = Path(__file__).parents[1] / "tests/modules/affairs/spoken_questions.csv"
TYPED = ("sfz", "hkb", "shenfenzheng", "haizishanghukou", "不动产登记", "身分正", "")
ROUNDS = 20
FIRST = 3


def affairs_search() -> dict[str, Any]:
    """The slowest hundredth of searches over 1,165 items, in ms."""
    export = Export("bench", orjson.dumps(sandbox_registry(20260101)))
    registry = read_registry(export, datetime.now(UTC))
    begun_s = time.perf_counter()
    index = index_of(registry)
    built_ms = (time.perf_counter() - begun_s) * 1000
    with QUESTIONS.open(encoding="utf-8", newline="") as stream:
        asked = {row["question"]: set(row["items"].split("|")) for row in csv.DictReader(stream)}
    right = sum(
        bool(answers & {registry.items[code].name_zh for code in index.search(question)[:FIRST]})
        for question, answers in asked.items()
    )
    times_ms = []
    for words in [*asked, *TYPED] * ROUNDS:
        begun_s = time.perf_counter()
        index.search(words)
        times_ms.append((time.perf_counter() - begun_s) * 1000)
    times_ms.sort()
    return {
        "ours": round(times_ms[len(times_ms) * 99 // 100], 2),
        "peer": None,
        "peer_value": None,
        "ratio": None,
        "unit": "ms, p99",
        "conditions": {
            "items": len(registry.in_force),
            "p50_ms": round(times_ms[len(times_ms) // 2], 2),
            "right_in_first_three": round(right / len(asked), 3),
            "questions": len(asked),
            "index_built_ms": round(built_ms),
        },
    }


ROWS = {"affairs_search": affairs_search}
