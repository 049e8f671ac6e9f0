"""Service 33 on the workflow engine: a report on its way from the citizen to a closed matter.

Each category has its own definition: its questions, its unit, its promise. A version of a category
that has changed meanwhile keeps the reports that were filed under it.
"""

from collections.abc import Sequence
from dataclasses import replace

from core.city import City
from core.context.call import Call
from core.context.contributions import StartCheck
from core.errors import StartError
from core.manifest import Manifest
from core.security.authorization import Scope
from core.settings import Settings
from core.texts import Named
from kinds.application.definition import (
    Actor,
    Definition,
    Field,
    FieldType,
    Numbering,
    State,
    Step,
    Turn,
)
from kinds.application.soundness import DefinitionInvalid, check
from kinds.application.versions import Application, complete, read_rules
from modules.community.reports import dispatch
from modules.community.reports.categories import Category, get_category, read_categories

SERVICE, PROGRESS = "snap-report", "snap-report-progress"
_OPEN, _DONE = ("filed", "handling"), ("fixed", "declined")

DESCRIPTION, CONTACT = "description", "contact"

BASE = Definition(
    service=SERVICE,
    title=Named("随手拍", "Snap report"),
    number=Numbering("SP", digits=6),
    form=(
        Field(DESCRIPTION, Named("情况说明", "What is the matter"), FieldType.PARAGRAPH,
              required=False, least=2, most=4000),
        Field("address", Named("地址", "Address"), required=False, most=200),
        Field(CONTACT, Named("联系方式", "How to reach you"), required=False, most=200),
        Field("media_url", Named("图片网址", "Address of a picture"), required=False, most=500),
    ),
    states=(
        State("filed", Named("待受理", "Waiting to be accepted"), Turn.UNIT),
        State("handling", Named("处置中", "Being handled"), Turn.UNIT),
        State("fixed", Named("已处置", "Fixed"), Turn.CITIZEN, lapse="close"),
        State("declined", Named("不予处置", "Not taken up"), Turn.CITIZEN, lapse="close"),
        State("closed", Named("已办结", "Closed"), Turn.NOBODY),
        State("merged", Named("已并入同一问题", "Merged into the same matter"), Turn.NOBODY),
        State("withdrawn", Named("已撤回", "Withdrawn"), Turn.NOBODY),
    ),
    steps=(
        Step("accept", ("filed",), "handling", Actor.OFFICER, Named("受理", "Accepted")),
        Step("fix", _OPEN, "fixed", Actor.OFFICER, Named("处置完成", "Fixed")),
        Step("decline", _OPEN, "declined", Actor.OFFICER, Named("不予处置", "Not taken up"),
             note=True),
        Step("merge", _OPEN, "merged", Actor.OFFICER, Named("并入同一问题", "Merged")),
        Step("reopen", _DONE, "handling", Actor.CITIZEN, Named("要求重新处置", "Reopened"),
             note=True, restarts=True),
        Step("confirm", _DONE, "closed", Actor.CITIZEN, Named("确认办结", "Confirmed")),
        Step("withdraw", _OPEN, "withdrawn", Actor.CITIZEN, Named("撤回", "Withdrawn")),
        Step("close", _DONE, "closed", Actor.SYSTEM, Named("逾期自动办结", "Closed: no objection")),
    ),
)  # fmt: skip


def definition_of(base: Definition, category: Category) -> Definition:
    """The definition of one category's reports."""
    return replace(
        base,
        item=category.code,
        title=category.title,
        unit=category.unit or base.unit,
        form=(*base.form, *category.questions),
        promise={"": category.days},
    )


async def of_category(call: Call, base: Definition, code: str) -> Definition | None:
    """The definition by which a report is filed now. Raises as `Categories.get` does."""
    return definition_of(base, get_category(call.app, code))


REPORT = Application(
    BASE,
    for_item=of_category,
    opens_itself=True,
    scope=Scope.REPORTS_HANDLE,
    moved=dispatch.follow_case,
    suited=dispatch.list_suited,
)


def _check_start(settings: Settings, _manifests: Sequence[Manifest], city: City) -> None:
    base = complete(BASE, read_rules(settings, SERVICE))
    for versions in read_categories(settings).versions.values():
        for category in versions:
            try:
                check(definition_of(base, category), city.departments)
            except DefinitionInvalid as error:
                raise StartError(f"{category.code} {category.version}: {error}") from None


START_CHECK = StartCheck(_check_start)
