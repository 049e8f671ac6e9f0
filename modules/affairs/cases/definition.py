"""Service 2: an application for a government item, from the draft to the delivered result.

One definition for all items: an item gives its form, its papers, the departments that examine it
and the promised days. Its number is the item's code, the day and a serial: 43 characters.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date

from core.city import City
from core.context.call import Call
from core.texts import Named
from kinds.application import texts
from kinds.application.definition import (
    Actor,
    Choice,
    Definition,
    Field,
    Grant,
    Numbering,
    State,
    Step,
    Turn,
)
from kinds.application.form import Problem, problem_of
from kinds.application.versions import Application
from modules.affairs.cases.items import ApplicationItem, find_item

POST = "POST"
DELIVERY = "delivery"
E_LICENCE = Choice("E_LICENCE", Named("仅电子证照", "As e-licence alone"))
PERMIT = "permit"
"""The kind of the e-licences that permits are."""
POST_ADDRESS = Field(
    "post_address", Named("邮寄地址", "Address for the post"), required=False, most=120
)

_BASE = Definition(
    service="gov-case-apply",
    title=Named("办件申请", "Application"),
    number=Numbering("GOV", digits=4),
    states=(
        State("draft", Named("待提交", "To be submitted"), Turn.CITIZEN, lapse="forget"),
        State("filed", Named("待受理", "Waiting to be accepted"), Turn.UNIT),
        State("missing", Named("待补正材料", "Papers are missing"), Turn.CITIZEN, lapse="give_up"),
        State("review", Named("审查中", "With the departments"), Turn.UNIT,
              branches=(("administrative_approval",),), agreed="all_agree",
              refused="one_objects"),
        State("wanted", Named("待补充材料", "More papers are wanted"), Turn.CITIZEN,
              lapse="give_up"),
        State("decision", Named("待决定", "Waiting for the decision"), Turn.UNIT),
        State("delivery", Named("准予,结果送达中", "Granted: on its way to you"), Turn.UNIT),
        State("told", Named("不予许可,可提出异议", "Not granted: you may object"), Turn.CITIZEN,
              lapse="settle"),
        State("objection", Named("异议复核中", "The objection is examined"), Turn.UNIT,
              unit="administrative_approval"),
        State("granted", Named("已办结", "Granted and delivered"), Turn.NOBODY),
        State("denied", Named("不予许可", "Not granted"), Turn.NOBODY),
        State("rejected", Named("不予受理", "Not accepted"), Turn.NOBODY),
        State("withdrawn", Named("已撤回", "Withdrawn"), Turn.NOBODY),
    ),
    steps=(
        Step("submit", ("draft",), "filed", Actor.CITIZEN, Named("提交", "Submit"), fills=True),
        Step("accept", ("filed",), "review", Actor.OFFICER, Named("受理", "Accept")),
        Step("reject", ("filed",), "rejected", Actor.OFFICER, Named("不予受理", "Reject"),
             note=True),
        Step("ask", ("filed",), "missing", Actor.OFFICER,
             Named("一次性告知补正", "Ask for what is missing"), note=True, asks=True, once=True),
        Step("resubmit", ("missing",), "filed", Actor.CITIZEN,
             Named("提交补正", "Hand in what was missing"), fills=True),
        Step("ask_more", ("review",), "wanted", Actor.OFFICER,
             Named("补充材料", "Ask for more papers"), note=True, asks=True, once=True),
        Step("bring", ("wanted",), "review", Actor.CITIZEN,
             Named("提交补充材料", "Hand in the papers"), fills=True),
        Step("all_agree", ("review",), "decision", Actor.SYSTEM,
             Named("审查通过", "All departments agree")),
        Step("one_objects", ("review",), "decision", Actor.SYSTEM,
             Named("审查未通过", "A department does not agree")),
        Step("grant", ("decision",), "delivery", Actor.OFFICER, Named("准予", "Grant")),
        Step("deny", ("decision",), "told", Actor.OFFICER, Named("不予许可", "Deny"), note=True),
        Step("deliver", ("delivery",), "granted", Actor.OFFICER,
             Named("结果送达", "Result delivered")),
        Step("object", ("told",), "objection", Actor.CITIZEN, Named("提出异议", "Object"),
             note=True, once=True),
        Step("accept_denial", ("told",), "denied", Actor.CITIZEN,
             Named("接受决定", "Accept the decision")),
        Step("settle", ("told",), "denied", Actor.SYSTEM,
             Named("逾期未提异议", "No objection in time")),
        Step("uphold", ("objection",), "denied", Actor.OFFICER,
             Named("维持决定", "The decision stands"), note=True, unlike="deny"),
        Step("overturn", ("objection",), "delivery", Actor.OFFICER,
             Named("撤销决定,准予", "Granted after all"), note=True, unlike="deny"),
        Step("withdraw", ("draft", "filed", "missing", "review", "wanted"), "withdrawn",
             Actor.CITIZEN, Named("撤回", "Withdraw")),
        Step("forget", ("draft",), "withdrawn", Actor.SYSTEM,
             Named("逾期未提交", "Not submitted in time")),
        Step("give_up", ("missing", "wanted"), "withdrawn", Actor.SYSTEM,
             Named("逾期未补正", "Nothing was handed in")),
    ),
)  # fmt: skip


def check_delivery(
    _city: City, definition: Definition, form: Mapping[str, str], _today: date
) -> Sequence[Problem]:
    """What is posted needs an address."""
    if form.get(DELIVERY) == POST and "post_address" not in form:
        return [problem_of(definition, "post_address", texts.FIELD_MISSING)]
    return []


async def of_item(call: Call, base: Definition, code: str) -> Definition | None:
    """The definition of one item; None for an unknown one. Raises as `find_item` does."""
    item = await find_item(call, code)
    return None if item is None else definition_of(base, item)


def definition_of(base: Definition, item: ApplicationItem) -> Definition:
    """What all items have in common, with what is an item's own."""
    return replace(
        base,
        title=item.title,
        item=item.code,
        number=Numbering(item.code, digits=4),
        unit=item.unit,
        promise={"": item.days},
        form=[*(_by_licence(field) if item.permit else field for field in item.form), POST_ADDRESS],
        grants=Grant("granted", PERMIT, Named(item.permit, item.permit)) if item.permit else None,
        materials=item.materials,
        exclusive=item.exclusive,
        states=[
            replace(state, branches=item.stages) if state.name == "review" else state
            for state in base.states
        ],
        steps=[
            replace(step, unlike="accept") if item.four_eyes and step.event in _DECISIONS else step
            for step in base.steps
        ],
    )


def _by_licence(field: Field) -> Field:
    """The field as it is where the result may be an e-licence alone."""
    return replace(field, options=[*field.options, E_LICENCE]) if field.name == DELIVERY else field


_DECISIONS = ("grant", "deny")

CASES = Application(_BASE, rule=check_delivery, for_item=of_item)
