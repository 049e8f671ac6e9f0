"""FHIR R4 resources, checked: structure and types by fhir.resources, code bindings by us.

The library keeps the allowed values of every required binding as metadata but accepts any code;
`parse` walks the resource and refuses a code that its binding does not list. R4 and R4B (4.3) are
the same for the resources we exchange (https://hl7.org/fhir/R4B/diff.html).
"""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

from fhir.resources.R4B import get_fhir_model_class
from pydantic import BaseModel, ValidationError

FHIR_JSON = "application/fhir+json"
_ID = re.compile(r"[A-Za-z0-9.-]{1,64}")
_MORE_CODES = "+"
"""Ends a list of codes that the library cut short."""


class FhirInvalid(ValueError):
    """The data is no such resource. The text names elements, never their values."""


def parse(resource_type: str, data: object) -> Any:
    """The resource behind parsed JSON, structure and required code bindings checked.

    Raises FhirInvalid, also for another resource type than the one asked for.
    """
    if not isinstance(data, Mapping) or data.get("resourceType") != resource_type:
        raise FhirInvalid(f"not a {resource_type}")
    try:
        resource = _model(resource_type).model_validate(data)
    except ValidationError as error:
        places = {".".join(map(str, found["loc"])) for found in error.errors()}
        raise FhirInvalid(f"{resource_type}: {', '.join(sorted(places))}") from None
    for place in _wrong_codes(resource, resource_type):
        raise FhirInvalid(f"{place}: a code outside its binding")
    return resource


def dump(resource: Any) -> dict[str, Any]:
    """A resource as plain data, ready to be sent."""
    plain: dict[str, Any] = resource.model_dump(mode="json", exclude_none=True, by_alias=True)
    return plain


def build(resource_type: str, elements: Mapping[str, Any]) -> dict[str, Any]:
    """Plain data of a resource that we send, checked as strictly as what we receive."""
    return dump(parse(resource_type, {"resourceType": resource_type, **elements}))


def reference_id(reference: str, resource_type: str) -> str:
    """The id in a relative or absolute literal reference "Slot/17" or "https://…/Slot/17/_history/2".

    Raises FhirInvalid when it does not point at that type.
    """
    parts = reference.split("/_history/")[0].split("/")
    if len(parts) < 2 or parts[-2] != resource_type or not parts[-1]:
        raise FhirInvalid(f"not a reference to {resource_type}")
    return parts[-1]


def is_id(text: str) -> bool:
    """Whether a text can be a resource's id: 1 to 64 letters, digits, dashes and dots."""
    return _ID.fullmatch(text) is not None and text not in {".", ".."}


def instant(moment: datetime) -> str:
    """A moment as FHIR writes it in searches and resources: ISO 8601, UTC."""
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")


@lru_cache(maxsize=64)
def _model(resource_type: str) -> type[BaseModel]:
    try:
        model: type[BaseModel] = get_fhir_model_class(resource_type)
    except ValueError:
        raise FhirInvalid(f"{resource_type} is no resource of FHIR R4") from None
    return model


def _wrong_codes(element: BaseModel, place: str) -> Iterator[str]:
    for name, allowed in _bindings(type(element)):
        value = getattr(element, name)
        codes = value if isinstance(value, list) else [value]
        if any(code is not None and code not in allowed for code in codes):
            yield f"{place}.{name}"
    for name, value in element:
        for child in value if isinstance(value, list) else (value,):
            if isinstance(child, BaseModel):
                yield from _wrong_codes(child, f"{place}.{name}")


@lru_cache(maxsize=512)
def _bindings(model: type[BaseModel]) -> tuple[tuple[str, frozenset[str]], ...]:
    found = []
    for name, field in model.model_fields.items():
        extra = field.json_schema_extra
        allowed = extra.get("enum_values") if isinstance(extra, dict) else None
        if isinstance(allowed, list) and _MORE_CODES not in allowed:
            found.append((name, frozenset(map(str, allowed))))
    return tuple(found)
