"""The rules of triage, read from `rules.toml` beside this file."""

import tomllib
from pathlib import Path

from modules.health.triage.domain import Rules, read_rules

_FILE = Path(__file__).with_name("rules.toml")


def load_rules() -> Rules:
    """All rules. Raises ValueError or KeyError where the file is not whole."""
    return read_rules(tomllib.loads(_FILE.read_text(encoding="utf-8")))
