"""What measurements stand on is the product's present: its documents and its messages."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import strawberry
from graphql import parse, validate

from bench import __main__ as command
from bench import catalogue_document, home_document, notifications
from bff.trusted.documents import TrustedOperation
from core.graphql import HomeSection
from core.manifest import discover
from core.texts import Locale
from notifications.templates.template import TEMPLATES
from tests.tree import copy_tree

Measured = tuple[Callable[[], TrustedOperation], Callable[[], strawberry.Schema]]


@pytest.mark.parametrize(
    "measured",
    [
        (home_document.home, home_document.schema),
        (catalogue_document.catalogue, lambda: catalogue_document.schema_over([])),
    ],
    ids=["home", "catalogue"],
)
def test_a_peer_knows_what_a_document_asks(measured: Measured) -> None:
    operation, schema = measured
    assert validate(schema()._schema, parse(operation().source)) == []


def test_the_screen_has_a_card_of_each_kind() -> None:
    kinds = {cls.__name__ for cls in HomeSection.__subclasses__() if "tests" not in cls.__module__}
    assert kinds == {type(section).__name__ for section in home_document.SECTIONS}


def test_a_measured_message_fits_its_template() -> None:
    templates = {template.id: template for template in TEMPLATES.of(discover())}
    for template, params in (
        (notifications.TEMPLATE, notifications.PARAMS),
        (notifications.CODE, notifications.CODE_PARAMS),
        (notifications.NEWS, notifications.NEWS_PARAMS),
    ):
        assert all(templates[template].render(Locale.ZH, params))


@pytest.mark.parametrize("conditions", ["one core", {"cores": 1}], ids=["words", "figures"])
def test_a_row_is_written_whatever_its_conditions_are(
    conditions: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "RESULTS", tmp_path / "results.json")
    row = {"ours": 3, "peer": "another", "peer_value": 4, "ratio": 0.75, "unit": "ms"}
    command._measure("token_verify", lambda: row | {"conditions": conditions})
    (written,) = json.loads((tmp_path / "results.json").read_text())
    assert (written["conditions"], written["took_s"]) == (conditions, 0)


@pytest.mark.soak  # what a measurement fills its tables with breaks with a new constraint, unseen
def test_every_measurement_runs_to_its_end(tmp_path: Path) -> None:
    tree = copy_tree(tmp_path / "tree")
    done = subprocess.run(
        [sys.executable, "-m", "bench"],
        cwd=tree,
        env=os.environ | {"PYTHONPATH": str(tree)},
        capture_output=True,
        text=True,
        timeout=7200,
    )
    assert done.returncode == 0, done.stdout + done.stderr
