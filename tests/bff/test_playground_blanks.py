"""What the playground puts into the blanks of example variables."""

import subprocess
from datetime import UTC, datetime, timedelta

import orjson

from core.clock import civil_date
from tests.bff.conftest import NODE
from tests.conftest import ROOT

FILL = """
globalThis.localStorage = { getItem: () => null };
const { filled } = await import(process.argv[1]);
console.log(JSON.stringify(filled(JSON.parse(process.argv[2]))));
"""


def test_dates_of_example_variables_are_days_of_the_city() -> None:
    blanks = {"from": "{{day.30}}", "answers": [{"value": "{{day.-1}}"}]}
    before = civil_date(datetime.now(UTC))
    source = ROOT / "bff/playground/src/session.js"
    done = subprocess.run(
        [NODE, "--input-type=module", "-e", FILL, source.as_uri(), orjson.dumps(blanks)],
        capture_output=True, check=True,
    )  # fmt: skip
    found = orjson.loads(done.stdout)
    days = {before, civil_date(datetime.now(UTC))}
    assert found["from"] in {str(day + timedelta(days=30)) for day in days}
    assert found["answers"][0]["value"] in {str(day - timedelta(days=1)) for day in days}
