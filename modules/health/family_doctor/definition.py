"""Service 30: an agreement with a family doctor's team for a year, its renewal, its end.

《关于规范家庭医生签约服务管理的指导意见》 (国卫基层发〔2018〕35号): a resident has one team at
a time, an agreement holds for a year at least, and when it is over the resident renews it or
chooses another team. Signing, renewing and ending are kinds of one application; of each a person
has one under way.
The resident signs for themselves.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from core.city import City
from core.context.call import Call
from core.texts import Named, Text
from kinds.application.definition import (
    Actor,
    Choice,
    Definition,
    Field,
    FieldType,
    Numbering,
    State,
    Step,
    Turn,
)
from kinds.application.form import Problem, problem_of
from kinds.application.versions import Application
from modules.health.policy import rules_of

CONSENT_NEEDED = Text(
    "FAMILY_DOCTOR_CONSENT_NEEDED",
    "签约须同意服务协议",
    "Without your consent to the agreement there is none",
)

SIGN, RENEW, END = "SIGN", "RENEW", "END"

_PERSON = (
    Field("name", Named("姓名", "Name"), most=50, prefill="name"),
    Field("resident_id", Named("证件号码", "Document number"), FieldType.DOCUMENT,
          prefill="document_no"),
    Field("phone", Named("联系电话", "Phone"), FieldType.MOBILE, prefill="phone"),
)  # fmt: skip
_TEAM = Field("team", Named("家庭医生团队", "Team"), FieldType.CHOICE)
_TERMS = (
    Field("package", Named("服务包", "Services"), FieldType.CHOICE, options=(
        Choice("BASIC", Named("基础性签约服务", "Basic services")),
        Choice("PERSONAL", Named("个性化签约服务", "Basic and personal services")),
    )),
    Field("consent", Named("同意服务协议", "I consent to the agreement"), FieldType.FLAG),
)  # fmt: skip
_AGREEMENT_NO = Field(
    "agreement_no", Named("协议编号", "Number of the agreement"), pattern="[0-9A-Z]{8,40}"
)


@dataclass(frozen=True, slots=True)
class Kind:
    """What is a kind's own: its form, and what its citizen reads once it is done."""

    title: Named
    form: Sequence[Field]
    done: Named


KINDS: Mapping[str, Kind] = {
    SIGN: Kind(
        Named("家庭医生签约", "Signing up with a family doctor"),
        (
            *_PERSON,
            Field("address", Named("居住地址", "Address"), least=5, most=120),
            _TEAM,
            Field("starts_on", Named("协议起始日期", "First day of the agreement"),
                  FieldType.DATE),
            *_TERMS,
        ),
        Named("已签约,自起始日起一年", "Signed: for a year from its first day"),
    ),
    RENEW: Kind(
        Named("家庭医生续签", "Renewing the agreement"),
        (*_PERSON, _AGREEMENT_NO, _TEAM, *_TERMS),
        Named("已续签,自原协议期满起一年", "Renewed: for a year from the end of the one before"),
    ),
    END: Kind(
        Named("家庭医生解约", "Ending the agreement"),
        (
            *_PERSON,
            _AGREEMENT_NO,
            Field("reason", Named("解约原因", "Reason"), FieldType.PARAGRAPH, required=False),
        ),
        Named("协议已解除", "The agreement has ended"),
    ),
}  # fmt: skip


def check_consent(
    _city: City, definition: Definition, form: Mapping[str, str], _today: date
) -> Sequence[Problem]:
    """Who signs or renews consents to the agreement."""
    if form.get("consent") == "false":
        return [problem_of(definition, "consent", CONSENT_NEEDED)]
    return []


async def of_kind(call: Call, base: Definition, kind: str) -> Definition | None:
    """The definition of one kind, with the city's teams; None for an unknown one."""
    return definition_of(base, kind, rules_of(call.app).teams) if kind in KINDS else None


def definition_of(base: Definition, name: str, teams: Mapping[str, Named]) -> Definition:
    """What all kinds have in common, with what is a kind's own; `teams` are named by their code."""
    kind = KINDS[name]
    options = [Choice(code, title) for code, title in teams.items()]
    return replace(
        base,
        title=kind.title,
        item=name,
        form=[replace(f, options=options) if f is _TEAM else f for f in kind.form],
        states=[
            replace(state, title=kind.done) if state.name == "done" else state
            for state in base.states
        ],
    )


FAMILY_DOCTOR = Application(
    Definition(
        service="family-doctor-sign",
        title=Named("家庭医生签约", "Family doctor sign-up"),
        number=Numbering("JTYS", digits=6),
        exclusive=True,
        form=_PERSON,
        states=(
            State("draft", Named("待提交", "To be submitted"), Turn.CITIZEN, lapse="forget"),
            State("filed", Named("待团队确认", "With the team"), Turn.UNIT),
            State("returned", Named("待修改", "To be changed"), Turn.CITIZEN, lapse="give_up"),
            State("done", Named("已办结", "Done"), Turn.NOBODY),
            State("declined", Named("未签约", "Declined"), Turn.NOBODY),
            State("withdrawn", Named("已撤回", "Withdrawn"), Turn.NOBODY),
        ),
        steps=(
            Step("submit", ("draft",), "filed", Actor.CITIZEN, Named("提交", "Submit"),
                 fills=True),
            Step("confirm", ("filed",), "done", Actor.OFFICER, Named("确认", "Confirm")),
            Step("send_back", ("filed",), "returned", Actor.OFFICER,
                 Named("请修改(如另选团队)", "Ask for a change, such as another team"), note=True),
            Step("decline", ("filed",), "declined", Actor.OFFICER, Named("不予办理", "Decline"),
                 note=True),
            Step("resubmit", ("returned",), "filed", Actor.CITIZEN,
                 Named("重新提交", "Submit again"), fills=True),
            Step("withdraw", ("draft", "filed", "returned"), "withdrawn", Actor.CITIZEN,
                 Named("撤回", "Withdraw")),
            Step("forget", ("draft",), "withdrawn", Actor.SYSTEM,
                 Named("逾期未提交", "Not submitted in time")),
            Step("give_up", ("returned",), "withdrawn", Actor.SYSTEM,
                 Named("逾期未修改", "Not changed in time")),
        ),
    ),
    rule=check_consent,
    for_item=of_kind,
)  # fmt: skip
