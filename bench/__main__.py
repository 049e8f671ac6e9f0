"""`python -m bench [NAME …]`: run the measurements and write them into bench/results.json.

A module of this package gives rows as `ROWS: dict[str, Callable[[], dict]]`; each returns `ours`,
`peer`, `peer_value`, `ratio` (ours ÷ peer), `unit` and `conditions`.
"""

import importlib
import json
import pkgutil
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from core.processes.memory import prepare_memory

Row = dict[str, Any]

FOLDER = Path(__file__).parent
RESULTS = FOLDER / "results.json"
PAGE = FOLDER.parent / "docs" / "performance.md"
_BEGIN, _END = "<!-- results -->", "<!-- /results -->"


def main(names: list[str]) -> int:
    """Run the named measurements, or all; returns the process's exit code."""
    prepare_memory()  # as every process of ours does
    rows = _rows()
    unknown = [name for name in names if name not in rows]
    if unknown:
        print(f"no such measurement: {', '.join(unknown)}; there are: {', '.join(rows)}")
        return 1
    failed = []
    for name in names or rows:
        print(f"{name} …", flush=True)
        try:
            _write([{"name": name} | rows[name]()])
        except Exception as error:
            failed.append(name)
            print(f"{name} failed: {error!r}", file=sys.stderr)
            if names:
                raise
        else:
            _show(name)
    _write_page()
    return 1 if failed else 0


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
    """Put rows into the results; a row of the same name is replaced."""
    kept = {row["name"]: row for row in _read()} | {row["name"]: row for row in fresh}
    ordered = [kept[name] for name in sorted(kept)]
    RESULTS.write_text(
        json.dumps(ordered, ensure_ascii=False, indent=2, default=str) + "\n", encoding="utf-8"
    )


def _write_page() -> None:
    """Put the table into docs/performance.md, between its two marks."""
    lines = ["| measurement | ours | peer | ratio | unit |", "|---|---:|---|---:|---|"]
    for row in _read():
        peer = f"{row['peer']}: {row['peer_value']}" if row.get("peer") else "–"
        ratio = "–" if row.get("ratio") is None else f"{row['ratio']:.2f}"
        lines.append(f"| `{row['name']}` | {row['ours']} | {peer} | {ratio} | {row['unit']} |")
    before, rest = PAGE.read_text(encoding="utf-8").split(_BEGIN)
    _, after = rest.split(_END)
    table = "\n".join(lines)
    PAGE.write_text(f"{before}{_BEGIN}\n{table}\n{_END}{after}", encoding="utf-8")


def _show(name: str) -> None:
    (row,) = (row for row in _read() if row["name"] == name)
    ratio = "–" if row.get("ratio") is None else f"{row['ratio']:.2f} ×"
    peer = f"{row['peer']}: {row['peer_value']}" if row.get("peer") else "no peer"
    print(f"  {row['ours']} {row['unit']}; {peer}; {ratio}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
