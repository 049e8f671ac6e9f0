"""The codes that FHIR requires: the model library knows them but lets any code pass."""

from collections.abc import Iterator

from pydantic import BaseModel


def wrong_codes(resource: BaseModel, path: str) -> Iterator[str]:
    """Where a resource uses a code outside the value set that FHIR requires there."""
    for name, field in type(resource).model_fields.items():
        value = getattr(resource, name)
        extra = field.json_schema_extra
        allowed = extra.get("enum_values") if isinstance(extra, dict) else None
        for one in value if isinstance(value, list) else [value]:
            if isinstance(allowed, list) and one is not None and one not in allowed:
                yield f"{path}.{name}: none of {', '.join(map(str, allowed))}"
            if isinstance(one, BaseModel):
                yield from wrong_codes(one, f"{path}.{name}")
