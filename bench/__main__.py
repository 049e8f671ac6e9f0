"""`python -m bench [NAME …]`: run the measurements and write them into bench/results.json.

A module of this package gives rows as `ROWS: dict[str, Callable[[], dict]]`; each returns `ours`,
`peer`, `peer_value`, `ratio` (ours ÷ peer), `unit` and `conditions`. Each runs in a process of its
own, for `LIMIT_S` at most: one that fails or hangs is told at the end, and the others go on.
"""

import importlib
import json
import os
import pkgutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from bench.aims import aim_of, is_reached
from core.processes.memory import prepare_memory

Row = dict[str, Any]

FOLDER = Path(__file__).parent
RESULTS = FOLDER / "results.json"
PAGE = FOLDER.parent / "docs" / "performance.md"
LIMIT_S = 300
_ALONE = "--alone"
_BEGIN, _END = "<!-- results -->", "<!-- /results -->"


def main(names: list[str]) -> int:
    """Run the named measurements, or all; returns the process's exit code, 1 where one failed."""
    rows = _rows()
    if names[:1] == [_ALONE]:
        _measure(names[1], rows[names[1]])
        return 0
    unknown = [name for name in names if name not in rows]
    if unknown:
        print(f"no such measurement: {', '.join(unknown)}; there are: {', '.join(rows)}")
        return 1
    started_s, failed = time.monotonic(), dict[str, str]()
    for name in names or rows:
        print(f"{name} …", flush=True)
        fault = _run(name)
        if fault is None:
            _show(name)
        else:
            failed[name] = fault
            print(f"  failed: {fault}", flush=True)
    _write_page()
    print(f"{len(names or rows)} measurements in {(time.monotonic() - started_s) / 60:.1f} minutes")
    for name, fault in failed.items():
        print(f"failed: {name}: {fault}", file=sys.stderr)
    return 1 if failed else 0


def _run(name: str) -> str | None:
    """Run one in a process of its own, in a group with all that it starts; says what went wrong."""
    command = [sys.executable, "-m", "bench", _ALONE, name]
    process = subprocess.Popen(command, cwd=FOLDER.parent, start_new_session=True)
    try:
        code = process.wait(LIMIT_S)
    except subprocess.TimeoutExpired:
        return f"not done after {LIMIT_S} s"
    else:
        return f"exit code {code}, see above" if code else None
    finally:
        _end(process)


def _end(process: "subprocess.Popen[bytes]") -> None:
    """End what is left of a measurement: gently, so that its database shuts down, then hard."""
    for sign, wait_s in ((signal.SIGINT, 20), (signal.SIGKILL, 5)):
        if process.poll() is not None and sign is signal.SIGINT:
            continue
        try:
            os.killpg(process.pid, sign)
            process.wait(wait_s)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            continue


def _measure(name: str, run: Callable[[], Row]) -> None:
    prepare_memory()  # as every process of ours does
    started_s = time.monotonic()
    row: Row = {"name": name, **run()}
    row["took_s"] = round(time.monotonic() - started_s)
    aim, reached = aim_of(name), is_reached(name, row.get("ratio"))
    _write([row if aim is None else row | {"aim": aim, "aim_reached": reached}])


def _rows() -> dict[str, Callable[[], Row]]:
    found: dict[str, Callable[[], Row]] = {}
    for module in pkgutil.iter_modules([str(FOLDER)]):
        if module.name != "__main__":
            rows = getattr(importlib.import_module(f"bench.{module.name}"), "ROWS", {})
            found.update(rows)
    return found


def _read() -> list[Row]:
    rows: list[Row] = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else []
    return rows


def _write(fresh: Iterable[Row]) -> None:
    """Put rows into the results; a row of the same name is replaced, one of no measurement goes."""
    kept = {row["name"]: row for row in _read()} | {row["name"]: row for row in fresh}
    ordered = [kept[name] for name in sorted(kept.keys() & _rows().keys())]
    RESULTS.write_text(
        json.dumps(ordered, ensure_ascii=False, indent=2, default=str) + "\n", encoding="utf-8"
    )


def _write_page() -> None:
    """Put the table into docs/performance.md, between its two marks."""
    lines = ["| measurement | ours | peer | ratio | aim | unit |", "|---|---:|---|---:|---|---|"]
    for row in _read():
        peer = f"{row['peer']}: {row['peer_value']}" if row.get("peer") else "–"
        ratio = "–" if row.get("ratio") is None else f"{row['ratio']:.2f}"
        aim = _aim(row)
        lines.append(
            f"| `{row['name']}` | {row['ours']} | {peer} | {ratio} | {aim} | {row['unit']} |"
        )
    before, rest = PAGE.read_text(encoding="utf-8").split(_BEGIN)
    _, after = rest.split(_END)
    table = "\n".join(lines)
    PAGE.write_text(f"{before}{_BEGIN}\n{table}\n{_END}{after}", encoding="utf-8")


def _aim(row: Row) -> str:
    if "aim" not in row:
        return ""
    return f"{row['aim']}{'' if row['aim_reached'] else ', not reached'}"


def _show(name: str) -> None:
    (row,) = (row for row in _read() if row["name"] == name)
    ratio = "–" if row.get("ratio") is None else f"{row['ratio']:.2f} ×"
    peer = f"{row['peer']}: {row['peer_value']}" if row.get("peer") else "no peer"
    aim = _aim(row) and f" (aim {_aim(row)})"
    print(f"  {row['ours']} {row['unit']}; {peer}; {ratio}{aim}; {row['took_s']} s", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
