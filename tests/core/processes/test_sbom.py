"""The bill of materials names what the locks name, and a validator of CycloneDX's own takes it."""

import json
import re

from core.processes.sbom import bill_of_materials
from tests.conftest import ROOT


def test_the_bill_is_valid_cyclonedx() -> None:
    # here, because they take seconds to import: all workers collect all tests, one runs this
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    bill = json.dumps(bill_of_materials())
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(bill) is None
    broken = bill.replace('"type": "library"', '"type": "bookshelf"')
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(broken) is not None


def test_the_bill_lists_each_package_of_the_locks_once() -> None:
    components = bill_of_materials()["components"]
    refs = [component["bom-ref"] for component in components]
    assert len(refs) == len(set(refs))
    lock = (ROOT / "requirements.lock").read_text("utf-8")
    pins = re.findall(r"^([\w.-]+)(?:\[.+\])?==([^ ;\\]+)", lock, re.MULTILINE)
    python = [ref for ref in refs if ref.startswith("pkg:pypi/")]
    assert {f"pkg:pypi/{name.lower().replace('_', '-')}@{version}" for name, version in pins} == {
        *python
    }
    node = [component for component in components if component["purl"].startswith("pkg:npm/")]
    assert len(node) > 50 and all(component["hashes"] for component in node)


def test_the_same_tree_gives_the_same_bill() -> None:
    assert bill_of_materials() == bill_of_materials()
