"""Whether a resource has the form of FHIR R4, found without building objects of it.

The elements of each type, whether they repeat, are required or bound to codes, are those that
fhir.resources knows; a resource is held against them as plain data, so that nothing in it changes
and a large Bundle costs little. R4B (4.3) has the elements of R4 for clinical resources, and those
that R5 renamed or added are unknown here. Places of faults name elements, never their values.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import NoneType
from typing import Annotated, Any, get_args, get_origin

from fhir.resources.R4B import get_fhir_model_class

from core.standards.fhir_json import Number

_DATE = (
    r"(\d{3}[1-9]|\d{2}[1-9]\d|\d[1-9]\d{2}|[1-9]\d{3})(-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01]))?)?"
)
_CLOCK = r"([01]\d|2[0-3]):[0-5]\d:([0-5]\d|60)(\.\d+)?"
_ZONE = r"(Z|[+-]((0\d|1[0-3]):[0-5]\d|14:00))"
_DAY = _DATE.replace("(-(0[1-9]|[12]\\d|3[01]))?)?", "-(0[1-9]|[12]\\d|3[01]))")
_TEXTS = {
    "Date": re.compile(_DATE),
    "DateTime": re.compile(rf"{_DATE}|{_DAY}T{_CLOCK}{_ZONE}"),
    "Instant": re.compile(rf"{_DAY}T{_CLOCK}{_ZONE}"),
    "Time": re.compile(_CLOCK),
    "Code": re.compile(r"[^\s]+(\s[^\s]+)*"),
    "Id": re.compile(r"[A-Za-z0-9\-.]{1,64}"),
    "Oid": re.compile(r"urn:oid:[0-2](\.(0|[1-9]\d*))+"),
    "Uri": re.compile(r"\S+"),
    "Url": re.compile(r"\S+"),
    "Canonical": re.compile(r"\S+"),
    "Uuid": re.compile(r"urn:uuid:[0-9a-fA-F-]{36}"),
    "Base64Binary": re.compile(r"[0-9A-Za-z+/=\s]+"),
}
"""https://hl7.org/fhir/R4/datatypes.html#primitive; other primitives are text that is not empty."""
_INTEGERS = {"Integer": None, "UnsignedInt": 0, "PositiveInt": 1}
"""The least value of each."""
_ANY_MEMBERS = frozenset({"resourceType", "fhir_comments"})
_MORE_CODES = "+"
"""Ends a list of codes that fhir.resources cut short."""
DEPTH_MAX = 40


@dataclass(frozen=True, slots=True)
class _Element:
    """An element: its type's name, whether it repeats and must be there, the codes it may have,
    and the choice ("value" of value[x]) that it belongs to."""

    type: str
    is_primitive: bool
    repeats: bool
    required: bool
    codes: frozenset[str]
    choice: str | None


def find_faults(resource: Any) -> Iterator[str]:
    """The places of a resource that are not as FHIR R4 has them; none of a good one."""
    kind = resource.get("resourceType") if isinstance(resource, Mapping) else None
    if not isinstance(kind, str) or not _is_resource(kind):
        yield "resourceType"
        return
    yield from _of_type(kind, resource, kind, 0)


def is_valid(resource: Any) -> bool:
    """Whether nothing is wrong with a resource."""
    return next(find_faults(resource), None) is None


def _of_type(type_: str, data: Any, place: str, depth: int) -> Iterator[str]:
    if not isinstance(data, Mapping) or not data or depth > DEPTH_MAX:
        yield place
        return
    elements, choices = _elements(type_), set()
    for name, value in data.items():
        if name in _ANY_MEMBERS:
            continue
        element = elements.get(name)
        if element is None:
            yield f"{place}.{name}"
            continue
        if element.choice is not None:
            if element.choice in choices:
                yield f"{place}.{element.choice}[x]"
            choices.add(element.choice)
        yield from _of_element(element, value, f"{place}.{name}", depth)
    for name, element in elements.items():
        if element.required and name not in data and f"_{name}" not in data:
            yield f"{place}.{name}"


def _of_element(element: _Element, value: Any, place: str, depth: int) -> Iterator[str]:
    if not element.repeats:
        yield from _of_value(element, value, place, depth)
        return
    if not isinstance(value, list) or not value:
        yield place
        return
    for item in value:
        # of primitives that repeat, those with extensions alone are null
        if item is not None or not (element.is_primitive or element.type == "Element"):
            yield from _of_value(element, item, place, depth)


def _of_value(element: _Element, value: Any, place: str, depth: int) -> Iterator[str]:
    if element.is_primitive:
        if not _is_primitive(element.type, value) or (element.codes and value not in element.codes):
            yield place
    elif element.type == "Resource":
        kind = value.get("resourceType") if isinstance(value, Mapping) else None
        if isinstance(kind, str) and _is_resource(kind):
            yield from _of_type(kind, value, place, depth + 1)
        else:
            yield place
    else:
        yield from _of_type(element.type, value, place, depth + 1)


def _is_primitive(type_: str, value: Any) -> bool:
    if type_ == "bool":
        return isinstance(value, bool)
    if type_ in _INTEGERS:
        least = _INTEGERS[type_]
        whole = isinstance(value, Number) and value.is_integer
        return whole and (least is None or value.value >= least)
    if type_ == "Decimal":
        return isinstance(value, Number)
    if not isinstance(value, str) or not value.strip():
        return False
    pattern = _TEXTS.get(type_)
    return pattern is None or pattern.fullmatch(value) is not None


@lru_cache(maxsize=512)
def _is_resource(kind: str) -> bool:
    """Whether R4 has a resource of this name, and not a data type."""
    try:
        model = get_fhir_model_class(kind)
    except ValueError:
        return False
    return "meta" in model.model_fields


@lru_cache(maxsize=1024)
def _elements(type_: str) -> Mapping[str, _Element]:
    """The elements of a type by their names in JSON."""
    made = {}
    for name, field in get_fhir_model_class(type_).model_fields.items():
        annotation, repeats = _inner(field.annotation)
        is_primitive, element_type = _type_of(annotation)
        extra = field.json_schema_extra
        notes: Mapping[str, Any] = extra if isinstance(extra, dict) else {}
        codes = frozenset(map(str, notes.get("enum_values") or ()))
        made[field.alias or name] = _Element(
            element_type,
            is_primitive,
            repeats,
            field.is_required() or bool(notes.get("element_required")),
            frozenset() if _MORE_CODES in codes else codes,
            str(notes["one_of_many"]) if "one_of_many" in notes else None,
        )
    return made


def _inner(annotation: Any) -> tuple[Any, bool]:
    """The type inside Optional and List, and whether it was a list."""
    repeats = False
    while get_origin(annotation) is not Annotated:
        inner = [part for part in get_args(annotation) if part is not NoneType]
        if not inner:
            break
        repeats = repeats or get_origin(annotation) is list
        annotation = inner[0]
    return annotation, repeats


def _type_of(annotation: Any) -> tuple[bool, str]:
    """Whether it is a primitive, and the name of a type."""
    if get_origin(annotation) is Annotated:
        return True, type(get_args(annotation)[1]).__name__
    if annotation in (bool, str):
        return True, annotation.__name__
    name = annotation.__name__.removesuffix("Type")
    return False, "Element" if name == "FHIRPrimitiveExtension" else name
