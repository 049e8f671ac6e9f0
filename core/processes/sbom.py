"""The software bill of materials: `python -m core.processes.sbom` prints it as CycloneDX 1.6.

It lists what running takes, with versions from the locks: Python's packages and those of the
playground's build. The same tree gives the same text, so two releases can be compared. Hashes of
Python's packages stand in the lock, one for each platform's file.
"""

import base64
import json
import re
import sys
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).resolve().parents[2]
_PINNED = re.compile(r"^([\w.-]+)(?:\[.*?])?==([^\s;\\]+)", re.MULTILINE)
_CLASSIFIER = "License :: OSI Approved :: "

Component = dict[str, Any]


def bill_of_materials(root: Path = _ROOT) -> Mapping[str, Any]:
    """The bill of a tree, as CycloneDX has it. Raises OSError where a lock cannot be read."""
    lock = (root / "requirements.lock").read_text("utf-8")
    packages = json.loads((root / "bff/playground/package-lock.json").read_text("utf-8"))
    found = [*_python(lock), *_node(packages["packages"])]
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": "quancheng",
                "name": "quancheng",
                "version": metadata.version("quancheng"),
                "licenses": [{"license": {"id": "Apache-2.0"}}],
            }
        },
        "components": sorted(found, key=lambda component: str(component["bom-ref"])),
    }


def _python(lock: str) -> Iterator[Component]:
    for name, version in _PINNED.findall(lock):
        purl = f"pkg:pypi/{name.lower().replace('_', '-')}@{version}"
        yield _component(name, version, purl) | _licences(name)


def _licences(name: str) -> Component:
    """What an installed package says of its licence; nothing of one for another platform."""
    try:
        headers = metadata.metadata(name)
    except metadata.PackageNotFoundError:
        return {}
    if "License-Expression" in headers:
        return {"licenses": [{"expression": headers["License-Expression"]}]}
    names = [
        entry.removeprefix(_CLASSIFIER)
        for entry in headers.get_all("Classifier") or ()
        if entry.startswith(_CLASSIFIER)
    ]
    return {"licenses": [{"license": {"name": each}} for each in names]} if names else {}


def _node(packages: Mapping[str, Mapping[str, Any]]) -> Iterator[Component]:
    seen = set()
    for path, package in packages.items():
        name = path.rpartition("node_modules/")[2]
        purl = f"pkg:npm/{name.replace('@', '%40')}@{package.get('version')}"
        if not name or purl in seen:
            continue
        seen.add(purl)
        component = _component(name, package["version"], purl)
        algorithm, _, digest = package.get("integrity", "").partition("-")
        if algorithm == "sha512":
            content = base64.b64decode(digest).hex()
            component["hashes"] = [{"alg": "SHA-512", "content": content}]
        if licence := package.get("license"):
            component["licenses"] = [{"license": {"name": licence}}]
        yield component


def _component(name: str, version: str, purl: str) -> Component:
    return {"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl}


def main() -> None:
    """Print the bill of this tree."""
    json.dump(bill_of_materials(), sys.stdout, ensure_ascii=False, indent=1)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
