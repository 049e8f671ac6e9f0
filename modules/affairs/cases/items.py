"""A government item as applications need it: its form, its papers, the units that examine it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from core.context.call import Call
from core.errors import Conflict, NotFound
from core.texts import Named, Text
from kinds.application.definition import Choice, Field, FieldType, Held, Material
from kinds.application.versions import read_rules
from modules.affairs.registry.domain import Item, ItemField, ItemStatus, ItemType
from modules.affairs.registry.service import get_item

ITEM_WITHDRAWN = Text(
    "ITEM_WITHDRAWN",
    "该事项已取消{successor}",
    "This item is no longer offered{successor}",
)
_TYPES = {"[0-9]{17}[0-9X]": FieldType.RESIDENT_ID, "1[3-9][0-9]{9}": FieldType.MOBILE}
"""Fields that the registry describes by a pattern alone, and we know better."""

_PREFILLS = {"person.name": "name", "person.phone": "phone", "person.resident_id": "resident_id"}
_HELD = {
    "business_licence.name": Held("business_licence", "organisation"),
    "business_licence.uscc": Held("business_licence", "uscc"),
    "business_licence.representative": Held("business_licence", "representative"),
}
"""Where what the registry fills in stands in e-licences."""

_FILES_MOST = 5


@dataclass(frozen=True, slots=True)
class ApplicationItem:
    """An item that can be applied for. `stages` are the units that examine it, stage after stage,
    those of a stage at the same time; `days` the working days that are promised."""

    code: str
    title: Named
    unit: str
    stages: Sequence[Sequence[str]]
    days: int
    form: Sequence[Field]
    materials: Sequence[Material]
    exclusive: bool
    four_eyes: bool
    permit: str
    """The permit that it gives, by name; "" where it gives none."""


async def find_item(call: Call, code: str) -> ApplicationItem | None:
    """An item in force by its code; None for an unknown one.

    Raises Conflict ITEM_WITHDRAWN, Unavailable where no registry is at hand.
    """
    try:
        item = await get_item(call, code)
    except NotFound:
        return None
    if item.status is ItemStatus.WITHDRAWN:
        successor = f": {item.successor_code}" if item.successor_code else ""
        raise Conflict(ITEM_WITHDRAWN, successor=successor)
    rules = call.app.once("affairs.units", lambda: read_rules(call.app.settings, "item-units"))
    return to_application(item, rules["units"], rules["others"])


def to_application(item: Item, units: Mapping[str, str], others: str) -> ApplicationItem:
    """An item of the registry; `units` are ours by its departments' codes, `others` that of the
    departments which have none."""
    stages = [
        tuple(dict.fromkeys(units.get(department, others) for department in stage))
        for stage in item.stages
    ]
    return ApplicationItem(
        code=item.item_code,
        title=Named(item.name_zh, item.name_zh),
        unit=units.get(item.department.code, others),
        stages=stages,
        days=max(item.promised_days, 1),
        form=[_field(field) for field in item.form],
        materials=[
            Material(
                material.material_no,
                Named(material.name_zh, material.name_zh),
                required=material.required,
                files_most=_FILES_MOST,
                pages_most=material.pages_max,
                licence=material.licence_kind or "",
            )
            for material in item.materials
        ],
        exclusive=item.exclusive,
        four_eyes=item.four_eyes,
        permit=item.result_zh if item.item_type is ItemType.PERMIT else "",
    )


def _field(field: ItemField) -> Field:
    known = _TYPES.get(field.pattern)
    type_ = known or FieldType(field.type)
    return Field(
        field.name,
        field.title,
        type_,
        required=field.required,
        most=1_000_000 if type_ is FieldType.NUMBER else 200,
        pattern="" if known else field.pattern,
        options=[Choice(option.value, option.title) for option in field.options],
        prefill=_PREFILLS.get(field.prefill, ""),
        held=_HELD.get(field.prefill),
    )
