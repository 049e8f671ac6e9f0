"""Service 7: a residence permit, from the form to the card.

The law is 《居住证暂行条例》 (State Council order 663, in force since 1 January 2016): who has left
the place of the household register and has lived here for half a year, with work, a home or
studies here, may apply (article 2); what is handed in, that everything missing is told at once, and
that the card is made within 15 days of the acceptance (article 9).
"""

from collections.abc import Mapping, Sequence
from datetime import date

from core.city import City
from core.clock import add_months, parse_date
from core.texts import Named, Text
from kinds.application.definition import (
    Actor,
    Choice,
    Definition,
    Field,
    FieldType,
    Grant,
    Material,
    Numbering,
    State,
    Step,
    Turn,
)
from kinds.application.form import Problem, problem_of
from kinds.application.versions import Application

MONTHS_OF_RESIDENCE = 6
WORK, HOME, STUDY = "WORK", "HOME", "STUDY"

TOO_SHORT = Text(
    "RESIDENCE_TOO_SHORT",
    "居住未满半年,自 {from_on} 起可以申领",
    "You have lived here for less than half a year; you may apply from {from_on} on",
)
IN_THE_FUTURE = Text("DATE_IN_THE_FUTURE", "{title}不能晚于今天", "{title} is in the future")
REGISTERED_HERE = Text(
    "REGISTERED_HERE",
    "您的户籍在本市,无需居住证",
    "Your household register is in this city: you need no permit",
)

_OPEN = ("draft", "filed", "missing", "examined")


def check_residence(
    city: City, definition: Definition, form: Mapping[str, str], today: date
) -> Sequence[Problem]:
    """What article 2 asks beyond the fields: registered elsewhere, here for half a year."""
    problems = []
    if form.get("registered_in", "").startswith(city.division_code.rstrip("0")):
        problems.append(problem_of(definition, "registered_in", REGISTERED_HERE))
    since = _date(form.get("lives_here_since", ""))
    if since is not None:
        from_on = add_months(since, MONTHS_OF_RESIDENCE)
        if since > today:
            problems.append(problem_of(definition, "lives_here_since", IN_THE_FUTURE))
        elif from_on > today:
            problems.append(problem_of(definition, "lives_here_since", TOO_SHORT, from_on=from_on))
    return problems


def _date(text: str) -> date | None:
    try:
        return parse_date(text)
    except ValueError:
        return None


RESIDENCE = Application(
    Definition(
        service="residence-permit-apply",
        title=Named("居住证申领", "Residence permit"),
        number=Numbering("JZZ", digits=6),
        exclusive=True,
        form=(
            Field("name", Named("姓名", "Name"), most=50, prefill="name"),
            Field("resident_id", Named("公民身份号码", "Resident ID"),
                  FieldType.RESIDENT_ID, prefill="resident_id"),
            Field("phone", Named("联系电话", "Phone"), FieldType.MOBILE, prefill="phone"),
            Field("registered_in", Named("户籍地行政区划代码", "Division code of the register"),
                  pattern="[1-9][0-9]{5}"),
            Field("address", Named("居住地址", "Address here"), least=5, most=120),
            Field("lives_here_since", Named("居住起始日期", "Lives here since"), FieldType.DATE),
            Field("ground", Named("申领条件", "Ground"), FieldType.CHOICE, options=(
                Choice(WORK, Named("合法稳定就业", "Stable work")),
                Choice(HOME, Named("合法稳定住所", "Stable home")),
                Choice(STUDY, Named("连续就读", "Studies")),
            )),
            Field("delivery", Named("领取方式", "How to get it"), FieldType.CHOICE, options=(
                Choice("POST", Named("邮寄", "By post")),
                Choice("COUNTER", Named("窗口领取", "At the counter")),
                Choice("E_LICENCE", Named("仅电子证照", "As e-licence alone")),
            )),
        ),
        materials=(
            Material("id_card", Named("居民身份证", "Identity card"), files_most=2,
                     licence="resident_card"),
            Material("photo", Named("本人相片", "Photograph"), files_most=1),
            Material("residence", Named("居住地址证明", "Proof of the address"), files_most=5),
            Material("work", Named("就业证明", "Proof of work"), when=("ground", WORK)),
            Material("home", Named("住所证明", "Proof of the home"), when=("ground", HOME)),
            Material("study", Named("就读证明", "Proof of studies"), when=("ground", STUDY)),
        ),
        states=(
            State("draft", Named("待提交", "To be submitted"), Turn.CITIZEN, lapse="forget"),
            State("filed", Named("待受理", "With the police station"), Turn.UNIT),
            State("missing", Named("待补正材料", "Papers are missing"), Turn.CITIZEN,
                  lapse="give_up"),
            State("examined", Named("审核中", "Being examined"), Turn.UNIT),
            State("approved", Named("制证中", "The card is being made"), Turn.UNIT),
            State("issued", Named("已发证", "Issued"), Turn.NOBODY),
            State("refused", Named("不予发证", "Refused"), Turn.NOBODY),
            State("withdrawn", Named("已撤回", "Withdrawn"), Turn.NOBODY),
        ),
        steps=(
            Step("submit", ("draft",), "filed", Actor.CITIZEN, Named("提交", "Submit"),
                 fills=True),
            Step("accept", ("filed",), "examined", Actor.OFFICER, Named("受理", "Accept")),
            Step("ask", ("filed",), "missing", Actor.OFFICER,
                 Named("一次性告知补正", "Ask for what is missing"), note=True, asks=True),
            Step("resubmit", ("missing",), "filed", Actor.CITIZEN,
                 Named("提交补正", "Hand in what was missing"), fills=True),
            Step("approve", ("examined",), "approved", Actor.OFFICER, Named("准予", "Approve"),
                 unlike="accept"),
            Step("refuse_permit", ("examined",), "refused", Actor.OFFICER,
                 Named("不予发证", "Refuse"), note=True, unlike="accept"),
            Step("issue", ("approved",), "issued", Actor.OFFICER, Named("发证", "Issue")),
            Step("withdraw", _OPEN, "withdrawn", Actor.CITIZEN, Named("撤回", "Withdraw")),
            Step("forget", ("draft",), "withdrawn", Actor.SYSTEM,
                 Named("逾期未提交", "Not submitted in time")),
            Step("give_up", ("missing",), "withdrawn", Actor.SYSTEM,
                 Named("逾期未补正", "Nothing was handed in")),
        ),
        grants=Grant("issued", "residence_permit", Named("居住证", "Residence permit"), days=365),
    ),
    rule=check_residence,
)  # fmt: skip
