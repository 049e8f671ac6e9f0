"""What it costs to refuse: processor time of hostile bodies beside a trivial query, in one run."""

from collections.abc import Callable, Mapping
from typing import Any

import orjson
import psutil

from bench import load
from bench.load import Target
from bench.processes import LOAD_CORE, database, machine, served
from bff.trusted.documents import documents_of
from core.manifest import discover

Row = dict[str, Any]

_FOR_S = 1.5
_ANSWERS, _TRIES = 20, 5


def bodies() -> Mapping[str, bytes]:
    """Requests of at most 64 KB that are refused, by what is wrong with them."""
    one = "{ services { id } }"
    unknown_keys = " ".join(f"k{n}: 1" for n in range(400))
    fragments = " ".join(f"fragment F{n} on Query {{ ...F{n + 1} }}" for n in range(51))
    texts = {
        "unknown keys in an input object": (
            f"{{ carParks(at: {{ lat: 1, lon: 1, {unknown_keys} }}) {{ status }} }}"
        ),
        "fragments in many operations": " ".join(f"query Q{n} {{ ...F0 }}" for n in range(8))
        + f" {fragments} fragment F51 on Query {{ nothing }}",
        "unused fragments": one
        + " ".join(f"fragment U{n} on Service {{ id name }}" for n in range(60)),
        "a huge list of enums": f"{{ services(theme: [{'GOVERNMENT ' * 5_000}]) {{ id }} }}",
        "duplicate variables": f"query ({'$a: Int ' * 370}) {one}",
        "60,000 digits": f"{{ payments(first: {'9' * 60_000}) {{ edges {{ cursor }} }} }}",
        "unknown fields": "{ " + " ".join(f"nothing{n}" for n in range(4_000)) + " }",
        "aliases": "{ " + " ".join(f"a{n}: services {{ id }}" for n in range(2_000)) + " }",
        "a fragment cycle": "{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }",
        "a deep selection": "{ services " + "{ operations " * 150 + "{ id }" + " }" * 150 + " }",
        "comments": "#\n" * 30_000 + one,
        "a huge string": f'{{ service(id: "{"x" * 60_000}") {{ id }} }}',
        "no end": "{ services " * 5_000,
    }
    made = {name: orjson.dumps({"query": text}) for name, text in texts.items()}
    nested = b'{"query": "{__typename}", "variables": {"a": %b}}'
    return made | {
        "variables nested 400 deep": nested % (b"[" * 400 + b"]" * 400),
        "variables nested 30,000 deep": nested % (b"[" * 30_000 + b"]" * 30_000),
        "no JSON": b"[" * 60_000,
        "an unknown document": b'{"documentId": "sha256:%b"}' % (b"0" * 64),
    }


def refusal_cost() -> Row:
    """The dearest refusal of production as a multiple of a trivial query; at most ten is the aim.

    What the same bodies cost outside production, where texts are read, stands in the conditions.
    """
    load.pin(LOAD_CORE)
    with database() as environment:
        with served("whole", environment) as (port, pid):
            trivial_ms = _cost_ms(port, pid, _trivial())
            cost = {name: _cost_ms(port, pid, body) for name, body in bodies().items()}
        with served("whole", environment | {"FREE_TEXT": "1"}) as (port, pid):
            read = {name: _cost_ms(port, pid, body) for name, body in bodies().items()}
    worst = max(cost, key=lambda name: cost[name])
    return {
        "ours": round(cost[worst], 3),
        "peer": f"a trivial query of the same run; the dearest body: {worst}",
        "peer_value": round(trivial_ms, 3),
        "ratio": round(cost[worst] / trivial_ms, 2),
        "unit": "ms of processor time",
        "conditions": machine()
        | {
            "bodies": _rounded(cost),
            "bodies_where_text_is_read": _rounded(read),
            "servers": "the edge on one core, as production runs it: trusted operations alone",
            "load": "four connections that ask again as soon as answered; processor time of the "
            "process over the number of answers",
        },
    }


def _trivial() -> bytes:
    """One tile of the catalogue: nothing is read for it."""
    (operation,) = documents_of(discover()).by_name["service"].operations
    return orjson.dumps({"documentId": operation.id, "variables": {"id": "grid-lookup"}})


def _rounded(cost: Mapping[str, float]) -> Mapping[str, float]:
    return {name: round(ms, 3) for name, ms in sorted(cost.items())}


def _cost_ms(port: int, pid: int, body: bytes) -> float:
    """Processor time of one answer, milliseconds, once the first have been given."""
    process, target = psutil.Process(pid), Target.post(port, body)
    load.count_answers(target, seconds=_FOR_S / 3, connections=4)
    before = process.cpu_times()
    answered = 0
    for _ in range(_TRIES):
        answered += load.count_answers(target, seconds=_FOR_S, connections=4)
        if answered >= _ANSWERS:
            break
    after = process.cpu_times()
    assert answered, "no answer"
    used_s: float = after.user + after.system - before.user - before.system
    return used_s * 1000 / answered


ROWS: dict[str, Callable[[], Row]] = {"refusal_cost": refusal_cost}
