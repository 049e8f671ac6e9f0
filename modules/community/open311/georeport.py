"""GeoReport v2's elements out of reports and categories, and a report out of a posted form.

The specification is that of wiki.open311.org/GeoReport_v2; the updates are those of mySociety's
extension (github.com/mysociety/fixmystreet/wiki, "Open311 FMS - Proposed differences").
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, time
from typing import Any

from core.clock import SHANGHAI
from core.context.call import Call
from core.errors import InvalidInput
from core.standards.coordinates import GeoPoint, point_in_city
from core.texts import Named
from kinds.application import texts as engine_texts
from kinds.application.definition import Field, FieldType
from kinds.application.views import unit_name
from modules.community.open311 import texts
from modules.community.open311.arguments import Arguments
from modules.community.reports import photo_store
from modules.community.reports.categories import Category, categories_of
from modules.community.reports.definition import BASE, CONTACT, DESCRIPTION
from modules.community.reports.models import Report, ReportPhoto, ReportUpdate
from modules.community.reports.service import Draft

_DATATYPES = {
    FieldType.PARAGRAPH: "text",
    FieldType.CHOICE: "singlevaluelist",
    FieldType.FLAG: "singlevaluelist",
    FieldType.DATE: "datetime",
    FieldType.NUMBER: "number",
}
_YES_NO = {"true": Named("是", "Yes"), "false": Named("否", "No")}
_PERSON = ("first_name", "last_name", "phone", "email")
_CONTACT_CHARS = 200


def to_service(call: Call, category: Category) -> Mapping[str, Any]:
    """A category as a service."""
    return {
        "service_code": category.code,
        "service_name": category.title.say(call.locale),
        "description": category.title.say(call.locale),
        "metadata": bool(category.questions),
        "type": "realtime",
        "keywords": ",".join(category.keywords),
        "group": category.group.say(call.locale),
    }


def to_definition(call: Call, category: Category) -> Mapping[str, Any]:
    """A category's own questions."""
    numbered = enumerate(category.questions, 1)
    return {
        "service_code": category.code,
        "attributes": [_attribute(call, field, order) for order, field in numbered],
    }


def _attribute(call: Call, field: Field, order: int) -> Mapping[str, Any]:
    options = {option.value: option.title for option in field.options}
    if field.type is FieldType.FLAG:
        options = _YES_NO
    return {
        "variable": True,
        "code": field.name,
        "datatype": _DATATYPES.get(field.type, "string"),
        "required": field.required,
        "datatype_description": None,
        "order": order,
        "description": field.title.say(call.locale),
        "values": [
            {"key": value, "name": title.say(call.locale)} for value, title in options.items()
        ],
    }


async def to_requests(call: Call, reports: Sequence[Report]) -> Sequence[Mapping[str, Any]]:
    """Reports as service requests."""
    public: dict[Any, ReportPhoto] = {}
    for photo in await photo_store.list_photos([row.id for row in reports]) if reports else ():
        if photo.is_public:
            public.setdefault(photo.report_id, photo)
    return [_request(call, row, public.get(row.id)) for row in reports]


def _request(call: Call, row: Report, photo: ReportPhoto | None) -> Mapping[str, Any]:
    return {
        "service_request_id": row.no,
        "status": "open" if row.is_open else "closed",
        "status_notes": BASE.by_name[row.state].title.say(call.locale),
        "service_name": categories_of(call.app).title(row.category).say(call.locale),
        "service_code": row.category,
        "description": row.public_text,
        "agency_responsible": unit_name(call, row.unit).say(call.locale),
        "service_notice": None,
        "requested_datetime": _moment(row.filed_at),
        "updated_datetime": _moment(row.changed_at),
        "expected_datetime": _end_of(row),
        "address": row.address or None,
        "address_id": row.grid_code or None,
        "zipcode": None,
        "lat": row.lat,
        "long": row.lon,
        "media_url": _url(call, photo),
    }


def to_update(call: Call, update: ReportUpdate, report: Report) -> Mapping[str, Any]:
    """A line of what happened to a report."""
    title = engine_texts.title_of(BASE, update.event).say(call.locale)
    return {
        "update_id": str(update.id),
        "service_request_id": report.no,
        "status": "open" if update.state in ("filed", "handling") else "closed",
        "updated_datetime": _moment(update.happened_at),
        "description": f"{title}: {update.note}" if update.note else title,
        "media_url": None,
    }


def to_receipt(call: Call, row: Report) -> Mapping[str, Any]:
    """What is answered to a report that was filed: its number at once."""
    days = categories_of(call.app).versions[row.category][-1].days
    unit = unit_name(call, row.unit).say(call.locale)
    return {
        "service_request_id": row.no,
        "service_notice": texts.NOTICE.say(call.locale, days=days, unit=unit),
        "account_id": None,
    }


def read_draft(call: Call, arguments: Arguments) -> Draft:
    """The report that a form files. Raises InvalidInput for a place that is missing or not in the
    city; what the answers lack is found when it is filed."""
    lat, lon = arguments.degrees("lat"), arguments.degrees("long")
    if lat is None or lon is None:
        raise InvalidInput(texts.PLACE_MISSING, "lat")
    answers = {
        name.removeprefix("attribute[").removesuffix("]"): ",".join(values)
        for name, values in arguments.values.items()
        if name.startswith("attribute[") and name.endswith("]")
    }
    for name in answers.keys() & {field.name for field in BASE.form}:
        raise InvalidInput(texts.ARGUMENT_INVALID, name, name=f"attribute[{name}]")
    person = [arguments.find(name) for name in _PERSON]
    answers |= {
        DESCRIPTION: arguments.find("description"),
        "address": arguments.find("address_string"),
        "media_url": arguments.find("media_url"),
        CONTACT: " ".join(filter(None, person))[:_CONTACT_CHARS],
    }
    return Draft(
        category=arguments.require("service_code"),
        at=point_in_city(call.app.city, GeoPoint(lat, lon), "lat"),
        answers=answers,
        is_public=arguments.find("is_public") == "true",
    )


def _moment(at: datetime) -> str:
    return at.astimezone(SHANGHAI).isoformat(timespec="seconds")


def _end_of(row: Report) -> str | None:
    """The end of the promised day."""
    if row.promised_on is None:
        return None
    return _moment(datetime.combine(row.promised_on, time(23, 59, 59), SHANGHAI))


def _url(call: Call, photo: ReportPhoto | None) -> str | None:
    return f"{call.app.settings.base_url}/reports/photos/{photo.id}" if photo else None
