"""Finding items: by words, by department, by life event."""

from collections.abc import Sequence

from core.context.call import Call
from core.errors import InvalidInput
from core.refusal_texts import INVALID_INPUT
from core.upstream.readings import Reading
from modules.affairs.items.search.query import CHARS_MAX
from modules.affairs.items.search.registry import SearchIndex
from modules.affairs.registry.domain import Item, Registry
from modules.affairs.registry.service import read_registry


async def search_items(
    call: Call, words: str, department: str | None, life_event: str | None
) -> Reading[Sequence[Item]]:
    """The items that can be applied for, what fits best first; without words, what is asked for
    most. Raises InvalidInput for words without end, an unknown department or life event."""
    if len(words) > CHARS_MAX:
        detail = f"words has at most {CHARS_MAX} characters"
        raise InvalidInput(INVALID_INPUT, "words", detail=detail)
    reading = await read_registry(call)
    if reading.value is None:
        return reading.map(lambda registry: registry.in_force)
    among = _among(reading.value, department, life_event)
    index = await call.app.once(SearchIndex, SearchIndex).of(reading.value)
    codes = index.search(words, among)
    return reading.map(lambda registry: [registry.items[code] for code in codes])


def _among(registry: Registry, department: str | None, life_event: str | None) -> set[str]:
    """The codes of a department's and a life event's items. Raises InvalidInput."""
    among = {item.item_code for item in registry.in_force}
    if life_event is not None:
        if life_event not in registry.life_events:
            raise InvalidInput(INVALID_INPUT, "lifeEvent", detail="no such life event")
        among &= set(registry.life_events[life_event].item_codes)
    if department is not None:
        if department not in registry.departments:
            raise InvalidInput(INVALID_INPUT, "department", detail="no such department")
        among = {code for code in among if registry.items[code].department.code == department}
    return among
