"""What a small firm of the city may consent to share, SIMULATED (see `credit.training.simulate`).

Amounts in fen. Each source is a separate consent: tax, invoices, social_insurance, housing_fund,
utilities, registry, court. A firm without a court record has no case: none is zero there. One
without a housing-fund account or insured heads has none of either, which is not zero arrears.
"""

from credit.engine.scale import Scale
from credit.engine.schema import Column, Derivation, Feature, Kind, Known, Lever, Part
from credit.training.specs.spec import Fit, Group, Spec

_NUMBER, _TEXT, _DATE = Kind.NUMBER, Kind.TEXT, Kind.DATE
_APPLY, _AFTER = Known.APPLICATION, Known.AFTER


def _number(
    name: str, source: str, subject: tuple[str, str], *, minimum: float = 0,
    maximum: float | None = None, none: float | None = None,
) -> Column:  # fmt: skip
    return Column(
        name, _NUMBER, _APPLY, minimum=minimum, maximum=maximum, source=source, none=none,
        subject=subject,
    )  # fmt: skip


_COLUMNS = (
    Column("loan_no", _TEXT, Known.IDENTIFIER, required=True),
    Column("uscc", _TEXT, Known.IDENTIFIER),
    Column("applied_on", _DATE, Known.TIME, required=True),
    Column("defaulted", _TEXT, Known.LABEL),
    Column("district", _TEXT, _APPLY),
    Column("industry", _TEXT, _APPLY),
    Column("legal_form", _TEXT, _APPLY),
    _number(
        "months_registered", "registry", ("成立月数", "months since registration"), maximum=3000
    ),
    _number(
        "tax_grade_points", "tax", ("纳税信用等级", "the tax credit grade"), minimum=1, maximum=5
    ),
    _number("tax_late_12m", "tax", ("逾期申报次数", "late tax returns"), maximum=1000),
    _number("invoiced_12m_fen", "invoices", ("年开票额", "the yearly turnover")),
    _number("invoiced_prev_12m_fen", "invoices", ("上年开票额", "last year's turnover")),
    _number(
        "top_buyer_share", "invoices", ("最大客户占比", "the largest buyer's share"), maximum=1
    ),
    _number("insured_heads", "social_insurance", ("参保人数", "insured heads"), maximum=1e6),
    _number(
        "insured_heads_prev", "social_insurance", ("上年参保人数", "last year's heads"), maximum=1e6
    ),
    _number(
        "fund_arrears_12m", "housing_fund", ("公积金欠缴月数", "housing-fund arrears"), maximum=12
    ),
    _number(
        "utility_late_12m", "utilities", ("水电气逾期次数", "late utility bills"), maximum=1000
    ),
    _number(
        "electricity_ratio",
        "utilities",
        ("用电量之比", "electricity against last year"),
        maximum=1000,
    ),
    _number("registry_changes_24m", "registry", ("登记变更次数", "registry changes"), maximum=1000),
    _number("court_cases_24m", "court", ("涉诉件数", "court cases"), maximum=1000, none=0),
    _number(
        "court_enforcements_24m", "court", ("被执行件数", "enforcement cases"), maximum=1000, none=0
    ),
    Column(
        "requested_amount_fen",
        _NUMBER,
        _APPLY,
        minimum=1,
        subject=("申请金额", "the amount asked for"),
    ),
    Column("days_past_due_max", _NUMBER, _AFTER),
    Column("true_prob", _NUMBER, _AFTER),
)


def _plain(column: str, *, log: bool = False) -> Derivation:
    return Derivation("number", columns=(column,), log=log)


def _ratio(top: str, bottom: str) -> Derivation:
    return Derivation("ratio", columns=(top, bottom))


def _effect(*columns: str) -> Derivation:
    return Derivation("effect", levels=tuple((Part(column),) for column in columns))


_FEATURES = (
    Feature(
        "tax_grade",
        _plain("tax_grade_points"),
        -1,
        ("纳税信用等级较低", "A low tax credit grade"),
        ("纳税信用等级较高", "A high tax credit grade"),
        subject=("纳税信用等级", "the tax credit grade"),
    ),
    Feature(
        "late_returns",
        _plain("tax_late_12m"),
        1,
        ("近一年有逾期申报", "Late tax returns in the past year"),
        ("近一年申报及时", "Tax returns on time"),
        subject=("纳税申报记录", "the record of tax returns"),
    ),
    Feature(
        "invoice_growth",
        _ratio("invoiced_12m_fen", "invoiced_prev_12m_fen"),
        -1,
        ("开票额较上年下降或增长偏慢", "Invoicing fell or grew slowly against last year"),
        ("开票额较上年增长", "Invoicing grew against last year"),
        "share",
        subject=("开票额变化", "the change of invoicing"),
    ),
    Feature(
        "turnover",
        _plain("invoiced_12m_fen", log=True),
        -1,
        ("年开票额较小", "A small yearly turnover"),
        ("年开票额较大", "A large yearly turnover"),
        "log",
        subject=("年开票额", "the yearly turnover"),
    ),
    Feature(
        "buyer_concentration",
        _plain("top_buyer_share"),
        1,
        ("过于依赖最大客户", "Dependence on the largest buyer"),
        ("客户分散", "Many buyers"),
        "share",
        subject=("客户集中度", "the concentration of buyers"),
    ),
    Feature(
        "headcount_change",
        _ratio("insured_heads", "insured_heads_prev"),
        -1,
        ("参保人数较上年减少", "Fewer insured employees than a year ago"),
        ("参保人数较上年稳定或增加", "As many insured employees as a year ago, or more"),
        "share",
        subject=("参保人数变化", "the change of insured employees"),
    ),
    Feature(
        "fund_arrears",
        _plain("fund_arrears_12m"),
        1,
        ("近一年公积金欠缴", "Housing-fund arrears in the past year"),
        ("公积金缴存正常", "Housing fund paid on time"),
        subject=("公积金缴存记录", "the housing-fund record"),
    ),
    Feature(
        "late_utilities",
        _plain("utility_late_12m"),
        1,
        ("近一年水电气费逾期", "Late utility bills in the past year"),
        ("水电气费缴纳及时", "Utility bills paid on time"),
        subject=("水电气缴费记录", "the record of utility bills"),
    ),
    Feature(
        "electricity_change",
        _plain("electricity_ratio"),
        -1,
        ("用电量较上年下降", "Less electricity used than last year"),
        ("用电量较上年稳定或增加", "As much electricity used as last year, or more"),
        "share",
        subject=("用电量变化", "the change of electricity use"),
    ),
    Feature(
        "registry_changes",
        _plain("registry_changes_24m"),
        1,
        ("近两年工商登记变更较多", "Many registry changes within two years"),
        ("工商登记稳定", "A stable registry record"),
        subject=("工商登记变更记录", "the record of registry changes"),
    ),
    Feature(
        "court_cases",
        _plain("court_cases_24m"),
        1,
        ("近两年涉诉", "Court cases within two years"),
        ("近两年无涉诉", "No court cases within two years"),
        subject=("涉诉记录", "the record of court cases"),
    ),
    Feature(
        "enforcements",
        _plain("court_enforcements_24m"),
        1,
        ("近两年有被执行案件", "Court enforcement within two years"),
        ("近两年无被执行案件", "No court enforcement within two years"),
        subject=("被执行记录", "the record of enforcement"),
    ),
    Feature(
        "amount_to_turnover",
        _ratio("requested_amount_fen", "invoiced_12m_fen"),
        1,
        ("申请金额相对年开票额偏高", "The amount is high against yearly turnover"),
        ("申请金额相对年开票额适中", "The amount is moderate against yearly turnover"),
        "share",
        subject=("申请金额与年开票额之比", "the amount against yearly turnover"),
    ),
    Feature(
        "age",
        _plain("months_registered", log=True),
        -1,
        ("成立时间较短", "Registered only recently"),
        ("成立时间较长", "Registered for long"),
        "log",
        subject=("成立时间", "the time since registration"),
    ),
    Feature(
        "industry",
        _effect("industry"),
        1,
        ("所属行业历史违约较多", "The industry's past loans defaulted more often"),
        ("所属行业历史违约较少", "The industry's past loans defaulted less often"),
        subject=("所属行业", "the industry"),
    ),
)

JINAN = Spec(
    name="jinan",
    title=("济南小微企业贷款（模拟数据）", "Jinan small-firm loans (SIMULATED)"),
    language="zh",
    columns=_COLUMNS,
    features=_FEATURES,
    label="defaulted",
    bad=frozenset({"Y"}),
    good=frozenset({"N"}),
    id="loan_no",
    outcome=("申请后十二个月内逾期超过九十天", "over 90 days past due within twelve months"),
    horizon_months=12,
    date="applied_on",
    levers=(
        Lever(
            "requested_amount_fen",
            1_000_000,
            1_000_000_000,
            1_000_000,
            ("申请金额改为 {value} 元", "apply for {value} yuan"),
            0.8,
            direction=-1,
            per=100,
        ),
        Lever(
            "utility_late_12m",
            0,
            12,
            1,
            ("近一年水电气费逾期降至 {value} 次", "{value} late utility bills in a year"),
            1.0,
            direction=-1,
        ),
        Lever(
            "tax_late_12m",
            0,
            12,
            1,
            ("近一年逾期申报降至 {value} 次", "{value} late tax returns in a year"),
            1.0,
            direction=-1,
        ),
    ),
    groups=(
        Group("region", ("区县", "District"), key=(Part("district"),)),
        Group("industry", ("行业", "Industry"), key=(Part("industry"),)),
        Group(
            "size", ("规模（参保人数）", "Size (insured heads)"),
            column="insured_heads", bands=(3, 10, 50),
        ),
        Group("legal_form", ("法律形式", "Legal form"), key=(Part("legal_form"),)),
    ),
    scale=Scale(anchor=600, anchor_odds=19.0, pdo=50.0),
    fit=Fit(rounds=300, half_life_years=6.0, bags=1, min_child_weight=10.0),
    simulated=True,
)  # fmt: skip
