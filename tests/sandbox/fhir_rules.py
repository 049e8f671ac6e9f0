"""What a FHIR R4 resource must keep: the model of fhir.resources and its required codes."""

from typing import Any

from fhir.resources.R4B import get_fhir_model_class
from pydantic import BaseModel


def check_resource(resource: dict[str, Any]) -> None:
    """Raise where the resource breaks the model or uses a code outside a required value set."""
    model = get_fhir_model_class(resource["resourceType"]).model_validate(resource)
    _check_bindings(model, resource["resourceType"])


def _check_bindings(model: BaseModel, path: str) -> None:
    for name, field in type(model).model_fields.items():
        value = getattr(model, name)
        extra = field.json_schema_extra
        allowed = extra.get("enum_values") if isinstance(extra, dict) else None
        for one in value if isinstance(value, list) else [value]:
            if allowed and one is not None:
                assert one in allowed, f"{path}.{name}: {one} is none of {allowed}"
            if isinstance(one, BaseModel):
                _check_bindings(one, f"{path}.{name}")
