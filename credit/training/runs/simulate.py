"""`quancheng credit simulate`: the simulated city's files."""

import csv
import io
from pathlib import Path

from rich.console import Console

from credit.storage.files import written_whole
from credit.training.simulate import LOANS, loan_history, registered_firms


def simulate_files(out: Path, seed: int, console: Console, *, loans: int = LOANS) -> None:
    """Write the simulated loan history and the registered firms, each whole or not at all."""
    for name, records in (
        ("jinan_loans.csv", loan_history(seed, loans)),
        ("jinan_firms.csv", registered_firms(seed)),
    ):
        text = io.StringIO()
        writer = csv.writer(text)
        writer.writerow(records)
        writer.writerows(zip(*records.values(), strict=True))
        with written_whole(out / name) as file:
            file.write(text.getvalue().encode())
        rows = len(records["loan_no"])
        console.print(f"{rows:,} rows of SIMULATED data · 模拟数据 → {out / name}", soft_wrap=True)
