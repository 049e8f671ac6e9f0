"""A specification as plain data and back: how it travels inside an artefact."""

from collections.abc import Mapping
from typing import Any

from credit.engine.scale import Scale
from credit.engine.schema import Part, column_from, feature_from, lever_from, to_plain
from credit.storage.files import TableForm
from credit.training.specs.spec import Fit, Group, Spec


def spec_to_plain(spec: Spec) -> dict[str, Any]:
    """JSON-ready data; sets in order."""
    return to_plain(spec) | {"bad": sorted(spec.bad), "good": sorted(spec.good)}


def spec_from_plain(data: Mapping[str, Any]) -> Spec:
    """The specification that a model was trained by."""
    return Spec(
        **{
            **data,
            "title": tuple(data["title"]),
            "outcome": tuple(data["outcome"]),
            "columns": tuple(column_from(item) for item in data["columns"]),
            "features": tuple(feature_from(item) for item in data["features"]),
            "levers": tuple(lever_from(item) for item in data["levers"]),
            "groups": tuple(_group(item) for item in data["groups"]),
            "bad": frozenset(data["bad"]),
            "good": frozenset(data["good"]),
            "strata": tuple(data["strata"]),
            "scale": Scale(**data["scale"]),
            "fit": Fit(**data["fit"]),
            "file": TableForm(**{**data["file"], "header": tuple(data["file"]["header"])}),
        }
    )


def _group(data: Mapping[str, Any]) -> Group:
    return Group(
        name=data["name"],
        title=(data["title"][0], data["title"][1]),
        key=tuple(Part(**part) for part in data["key"]),
        column=data["column"],
        bands=tuple(data["bands"]),
    )
