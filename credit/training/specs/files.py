"""Specifications as files: a bank brings its own data with one TOML file, and changes no code.

The form is in `docs/credit-specs.md`. Every mistake ends in one line that names the place.
"""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from credit.engine.scale import Scale
from credit.engine.schema import (
    STATISTICS,
    USABLE,
    Column,
    Derivation,
    Feature,
    Kind,
    Known,
    Lever,
    Part,
)
from credit.storage.files import TableForm
from credit.training.specs.spec import Fit, Group, Spec, SpecError, check

_RANGE = re.compile(r"(.*?)(\d+)\.\.\1(\d+)")
Pair = tuple[str, str]


def read_spec(path: Path) -> Spec:
    """A specification of a file, checked. Raises SpecError, LeakError."""
    try:
        spec = spec_from_file(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise SpecError(f"spec {path}: {error.strerror}") from error
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, SpecError) as error:
        what = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise SpecError(f"spec {path.name}: {what}") from error
    check(spec)
    return spec


def spec_from_file(content: Mapping[str, Any]) -> Spec:
    """A specification of a file's content."""
    known = {f.name for f in fields(Spec)} | {"plain"}
    _refuse_strange("the file", content, known)
    form = content.get("file", {})
    _refuse_strange("[file]", form, {"encoding", "separator", "header", "thousands", "decimal"})
    marks = (form.get("thousands", ""), form.get("decimal", "."))
    columns = tuple(c for item in content["columns"] for c in _columns(item, marks))
    _refuse_doubles("column", [column.name for column in columns])
    features = [_feature(item, columns) for item in content.get("features", [])]
    features += [_plain(column) for column in _plain_columns(content.get("plain", []), columns)]
    _refuse_doubles("feature", [feature.name for feature in features])
    if not features:
        raise SpecError("there is no feature: list them, or name columns in `plain`")
    bad, good = _texts(content["bad"]), _texts(content["good"])
    if bad & good or not bad or not good:
        raise SpecError("`bad` and `good` must each hold outcomes, and none in common")
    return Spec(
        name=str(content["name"]),
        title=_pair(content.get("title", content["name"])),
        language=content.get("language", "zh"),
        columns=columns,
        features=tuple(features),
        label=str(content["label"]),
        bad=bad,
        good=good,
        id=str(content.get("id", "")),
        outcome=_pair(content.get("outcome", "")),
        horizon_months=content.get("horizon_months"),
        weight=content.get("weight"),
        date=content.get("date"),
        year=content.get("year"),
        strata=tuple(content.get("strata", [])),
        levers=tuple(_lever(item) for item in content.get("levers", [])),
        groups=tuple(_group(item) for item in content.get("groups", [])),
        scale=_made(Scale, content.get("scale", {}), "[scale]"),
        fit=_made(Fit, content.get("fit", {}), "[fit]"),
        simulated=bool(content.get("simulated", False)),
        file=TableForm(
            form.get("encoding", ""), form.get("separator", ""), _expand(form.get("header", []))
        ),
    )


def _columns(item: Mapping[str, Any], marks: Pair) -> list[Column]:
    """One entry may declare several columns alike: `names`, with ranges such as "A1..A64"."""
    where = f"column {item.get('name') or item.get('names')}"
    _refuse_strange(where, item, {f.name for f in fields(Column)} | {"names"})
    names = _expand([item["name"]] if "name" in item else item["names"])
    common = {k: v for k, v in item.items() if k not in ("name", "names")}
    kind = Kind(common.pop("kind", "number"))
    common |= {
        "kind": kind,
        "known": Known(common.get("known", "application")),
        "blank": tuple(map(str, common.get("blank", ()))),
        "kept": tuple(common.get("kept", ())),
        "subject": _pair(common.get("subject", "")),
        "marks": tuple(common.get("marks", marks)) if kind is Kind.NUMBER else ("", "."),
    }
    return [Column(name=name, **common) for name in names]


def _expand(names: Sequence[str]) -> tuple[str, ...]:
    out: list[str] = []
    for name in names:
        found = _RANGE.fullmatch(name)
        if found:
            out += [f"{found[1]}{n}" for n in range(int(found[2]), int(found[3]) + 1)]
        else:
            out.append(str(name))
    return tuple(out)


def _plain_columns(wanted: Sequence[str] | str, columns: Sequence[Column]) -> list[Column]:
    if wanted == "all":
        return [c for c in columns if c.known in USABLE and c.kind is not Kind.DATE]
    by_name = {column.name: column for column in columns}
    return [by_name[name] for name in _expand(wanted)]


def _plain(column: Column) -> Feature:
    if column.kind is Kind.TEXT:
        derivation, direction = Derivation("effect", levels=((Part(column.name),),)), 1
    else:
        derivation, direction = Derivation("number", columns=(column.name,)), 0
    zh, en = column.about
    return Feature(
        column.name, derivation, direction,
        (f"{zh}对应的违约较多", f"{en}: such loans defaulted more often"),
        (f"{zh}对应的违约较少", f"{en}: such loans defaulted less often"),
        subject=(zh, en),
    )  # fmt: skip


def _feature(item: Mapping[str, Any], columns: Sequence[Column]) -> Feature:
    """A feature; texts that are not given are made from its subject."""
    name = str(item["name"])
    derived = {f.name for f in fields(Derivation)}
    own = {"name", "direction", "reason", "strength", "subject", "shown", "column"}
    _refuse_strange(f"feature {name}", item, derived | own)
    subject = _pair(item.get("subject", name))
    made = {k: v for k, v in item.items() if k in derived}
    if "column" in item:
        made["columns"] = [item["column"]]
    direction = item.get("direction", 0)
    if direction not in (-1, 0, 1):
        raise SpecError(f"feature {name}: direction must be -1, 0 or 1, not {direction!r}")
    default = _plain(Column(name, Kind.NUMBER, Known.APPLICATION, subject=subject))
    derivation = _derivation(made, f"feature {name}")
    strange = derivation.sources() - {column.name for column in columns}
    if strange:
        raise SpecError(f"feature {name} uses what is no column: {', '.join(sorted(strange))}")
    return Feature(
        name,
        derivation,
        direction,
        _pair(item["reason"]) if "reason" in item else default.reason,
        _pair(item["strength"]) if "strength" in item else default.strength,
        item.get("shown", "number"),
        subject,
    )


def _derivation(item: Mapping[str, Any], where: str) -> Derivation:
    form = item.get("form", "number")
    needs = {"number": 1, "ratio": 2, "equals": 2, "codes": 1, "differs": 2}
    if form not in (*needs, "effect", "profile"):
        raise SpecError(f"{where}: unknown form {form!r}")
    columns = tuple(item.get("columns", ()))
    if form in needs and len(columns) != needs[form]:
        raise SpecError(f"{where}: form {form} takes {needs[form]} column(s), not {len(columns)}")
    levels = tuple(tuple(_part(part) for part in level) for level in item.get("levels", ()))
    if form not in needs and not levels:
        raise SpecError(f"{where}: form {form} takes levels")
    codes = item.get("codes", {})
    pairs = codes.items() if isinstance(codes, Mapping) else codes
    of = _derivation(item["of"], where) if "of" in item else None
    rest = {k: v for k, v in item.items() if k in ("log", "floor", "statistic", "relative")}
    if rest.get("statistic", "mean") not in STATISTICS:
        raise SpecError(f"{where}: unknown statistic {rest['statistic']!r}")
    return Derivation(
        form=form,
        columns=columns,
        codes=tuple((str(text), float(value)) for text, value in pairs),
        levels=levels,
        of=of,
        **rest,
    )


def _part(item: Any) -> Part:
    return Part(item) if isinstance(item, str) else Part(**item)


def _lever(item: Mapping[str, Any]) -> Lever:
    return Lever(**{**item, "text": _pair(item["text"]), "scales": tuple(item.get("scales", ()))})


def _group(item: Mapping[str, Any]) -> Group:
    return Group(
        name=str(item["name"]),
        title=_pair(item.get("title", item["name"])),
        key=tuple(_part(part) for part in item.get("key", ())),
        column=item.get("column", ""),
        bands=tuple(item.get("bands", ())),
    )


def _made(kind: Any, item: Mapping[str, Any], where: str) -> Any:
    _refuse_strange(where, item, {f.name for f in fields(kind)})
    return kind(**item)


def _pair(value: Any) -> Pair:
    """A text in Chinese and English: a table of both, a list of two, or one for both."""
    if isinstance(value, str):
        return value, value
    if isinstance(value, Mapping):
        return str(value["zh"]), str(value["en"])
    return str(value[0]), str(value[1])


def _texts(values: Any) -> frozenset[str]:
    return frozenset(map(str, values if isinstance(values, list) else [values]))


def _refuse_strange(where: str, item: Mapping[str, Any], known: set[str]) -> None:
    strange = sorted(set(item) - known)
    if strange:
        raise SpecError(f"{where} knows no {', '.join(strange)}")


def _refuse_doubles(what: str, names: Sequence[str]) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise SpecError(f"{what} named twice: {', '.join(twice)}")
