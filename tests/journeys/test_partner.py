"""A bank integrates: every command of the partner guide, in its order, against a running house."""

import os
import re
import stat
import subprocess
import sys
from pathlib import Path

from journeys.house import ROOT, House

GUIDE = ROOT / "docs/partner-guide.md"
BLOCK = re.compile(r"```bash\n(.*?)```", re.DOTALL)


def commands() -> str:
    """The guide's commands as one script that ends at the first that fails."""
    blocks = BLOCK.findall(GUIDE.read_text(encoding="utf-8"))
    assert len(blocks) >= 9
    return "set -eu\nset -o pipefail\n" + "\n".join(blocks)


def put_on_path(folder: Path) -> None:
    """The Python that the guide calls; what else it calls, it has to find by itself."""
    program = folder / "python"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    program.chmod(program.stat().st_mode | stat.S_IXUSR)


def test_the_guide_leads_from_keys_to_the_first_decision(fragile: House, tmp_path: Path) -> None:
    folder, programs = tmp_path / "bank", tmp_path / "bin"
    folder.mkdir()
    programs.mkdir()
    put_on_path(programs)
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    environment = {**fragile.environment, "PATH": path, "BASE": fragile.api_urls[0]}
    environment["HOUSE"] = str(ROOT)
    done = subprocess.run(
        ["bash"],
        input=commands(),
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    said = done.stdout
    assert '"state":"PROPOSED"' in said
    assert '"state":"OFFERED"' in said
    assert '"status":"ACTIVE"' in said
    assert '"type":"loan.changed"' not in said  # the webhook was set after all that
    assert '"differences":[]' in said.splitlines()[-1]
