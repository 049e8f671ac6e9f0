"""What can be reported: the city's categories with their own questions, in dated versions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as checked

from core.clock import civil_date
from core.context.app import App
from core.errors import Conflict, InvalidInput, StartError
from core.settings import Settings
from core.texts import Named
from kinds.application.definition import Field
from kinds.application.versions import read_rules
from modules.community.reports import texts

FILE = "report-categories"


@checked(frozen=True, slots=True, config=ConfigDict(extra="forbid"))
class Category:
    """One version of a category: it counts from its day on until a newer one does."""

    code: str
    version: int
    from_on: date
    title: Named
    group: Named
    days: int
    """The working days promised."""
    keywords: Sequence[str] = ()
    unit: str = ""
    """The unit that handles it; the grid office's workers where it is empty."""
    questions: Sequence[Field] = ()
    withdrawn_on: date | None = None


_ADAPTER = TypeAdapter(list[Category])


@dataclass(frozen=True, slots=True)
class Categories:
    """Every version of every category, the oldest first."""

    versions: Mapping[str, Sequence[Category]]

    def get(self, code: str, today: date) -> Category:
        """The version that counts today. Raises InvalidInput CATEGORY_UNKNOWN, Conflict
        CATEGORY_WITHDRAWN."""
        known = [one for one in self.versions.get(code, ()) if one.from_on <= today]
        if not known:
            raise InvalidInput(texts.CATEGORY_UNKNOWN, "category")
        if known[-1].withdrawn_on is not None and known[-1].withdrawn_on <= today:
            raise Conflict(texts.CATEGORY_WITHDRAWN)
        return known[-1]

    def list_offered(self, today: date) -> list[Category]:
        """Those that take reports today, in the order of the city's file."""
        newest = [
            [one for one in versions if one.from_on <= today] for versions in self.versions.values()
        ]
        return [
            known[-1]
            for known in newest
            if known and not (known[-1].withdrawn_on and known[-1].withdrawn_on <= today)
        ]

    def title(self, code: str) -> Named:
        """What a category is called, a withdrawn one too."""
        known = self.versions.get(code)
        return known[-1].title if known else Named(code, code)


def read_categories(settings: Settings) -> Categories:
    """The city's categories. Raises StartError naming what is wrong with the file."""
    try:
        found = _ADAPTER.validate_python(read_rules(settings, FILE).get("category", []))
    except ValidationError as error:
        raise StartError(
            f"{FILE}: {error.errors()[0]['loc']}: {error.errors()[0]['msg']}"
        ) from None
    versions: dict[str, list[Category]] = {}
    for one in found:
        before = versions.setdefault(one.code, [])
        if before and not (before[-1].version < one.version and before[-1].from_on < one.from_on):
            raise StartError(f"{FILE}: the versions of {one.code} are not in order")
        before.append(one)
    if not versions:
        raise StartError(f"{FILE}: nothing can be reported")
    return Categories(versions)


def categories_of(app: App) -> Categories:
    """The categories of this process's city."""
    return app.once("community.categories", lambda: read_categories(app.settings))


def get_category(app: App, code: str) -> Category:
    """The version of a category that counts now. Raises as `Categories.get` does."""
    return categories_of(app).get(code, civil_date(app.clock.now()))
