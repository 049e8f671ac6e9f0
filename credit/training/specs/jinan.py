"""What a small firm of the city may consent to share, SIMULATED (see `credit.training.simulate`).

Amounts in fen. Each source is a separate consent: tax grade and returns, invoices, social
insurance, housing fund, utilities, registry, court.
"""

from credit.engine.scale import Scale
from credit.engine.schema import Column, Derivation, Feature, Kind, Known, Lever, Part
from credit.training.specs.spec import Fit, Group, Spec

_NUMBER, _TEXT, _DATE = Kind.NUMBER, Kind.TEXT, Kind.DATE
_APPLY, _AFTER = Known.APPLICATION, Known.AFTER


def _count(name: str, most: float = 1000) -> Column:
    return Column(name, _NUMBER, _APPLY, minimum=0, maximum=most)


_COLUMNS = (
    Column("loan_no", _TEXT, Known.IDENTIFIER, required=True),
    Column("uscc", _TEXT, Known.IDENTIFIER),
    Column("applied_on", _DATE, Known.TIME, required=True),
    Column("defaulted", _TEXT, Known.LABEL),
    Column("district", _TEXT, _APPLY),
    Column("industry", _TEXT, _APPLY),
    Column("legal_form", _TEXT, _APPLY),
    _count("months_registered", 3000),
    Column("tax_grade_points", _NUMBER, _APPLY, minimum=1, maximum=5),
    _count("tax_late_12m"),
    Column("invoiced_12m_fen", _NUMBER, _APPLY, minimum=0),
    Column("invoiced_prev_12m_fen", _NUMBER, _APPLY, minimum=0),
    Column("top_buyer_share", _NUMBER, _APPLY, minimum=0, maximum=1),
    _count("insured_heads", 1_000_000),
    _count("insured_heads_prev", 1_000_000),
    _count("fund_arrears_12m", 12),
    _count("utility_late_12m"),
    Column("electricity_ratio", _NUMBER, _APPLY, minimum=0, maximum=1000),
    _count("registry_changes_24m"),
    _count("court_cases_24m"),
    _count("court_enforcements_24m"),
    Column("requested_amount_fen", _NUMBER, _APPLY, minimum=1),
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
    ),
    Feature(
        "late_returns",
        _plain("tax_late_12m"),
        1,
        ("近一年有逾期申报", "Late tax returns in the past year"),
        ("近一年申报及时", "Tax returns on time"),
    ),
    Feature(
        "invoice_growth",
        _ratio("invoiced_12m_fen", "invoiced_prev_12m_fen"),
        -1,
        ("开票额较上年下降或增长偏慢", "Invoicing fell or grew slowly against last year"),
        ("开票额较上年增长", "Invoicing grew against last year"),
        "share",
    ),
    Feature(
        "turnover",
        _plain("invoiced_12m_fen", log=True),
        -1,
        ("年开票额较小", "A small yearly turnover"),
        ("年开票额较大", "A large yearly turnover"),
        "log",
    ),
    Feature(
        "buyer_concentration",
        _plain("top_buyer_share"),
        1,
        ("过于依赖最大客户", "Dependence on the largest buyer"),
        ("客户分散", "Many buyers"),
        "share",
    ),
    Feature(
        "headcount_change",
        _ratio("insured_heads", "insured_heads_prev"),
        -1,
        ("参保人数较上年减少", "Fewer insured employees than a year ago"),
        ("参保人数较上年稳定或增加", "As many insured employees as a year ago, or more"),
        "share",
    ),
    Feature(
        "fund_arrears",
        _plain("fund_arrears_12m"),
        1,
        ("近一年公积金欠缴", "Housing-fund arrears in the past year"),
        ("公积金缴存正常", "Housing fund paid on time"),
    ),
    Feature(
        "late_utilities",
        _plain("utility_late_12m"),
        1,
        ("近一年水电气费逾期", "Late utility bills in the past year"),
        ("水电气费缴纳及时", "Utility bills paid on time"),
    ),
    Feature(
        "electricity_change",
        _plain("electricity_ratio"),
        -1,
        ("用电量较上年下降", "Less electricity used than last year"),
        ("用电量较上年稳定或增加", "As much electricity used as last year, or more"),
        "share",
    ),
    Feature(
        "registry_changes",
        _plain("registry_changes_24m"),
        1,
        ("近两年工商登记变更较多", "Many registry changes within two years"),
        ("工商登记稳定", "A stable registry record"),
    ),
    Feature(
        "court_cases",
        _plain("court_cases_24m"),
        1,
        ("近两年涉诉", "Court cases within two years"),
        ("近两年无涉诉", "No court cases within two years"),
    ),
    Feature(
        "enforcements",
        _plain("court_enforcements_24m"),
        1,
        ("近两年有被执行案件", "Court enforcement within two years"),
        ("近两年无被执行案件", "No court enforcement within two years"),
    ),
    Feature(
        "amount_to_turnover",
        _ratio("requested_amount_fen", "invoiced_12m_fen"),
        1,
        ("申请金额相对年开票额偏高", "The amount is high against yearly turnover"),
        ("申请金额相对年开票额适中", "The amount is moderate against yearly turnover"),
        "share",
    ),
    Feature(
        "age",
        _plain("months_registered", log=True),
        -1,
        ("成立时间较短", "Registered only recently"),
        ("成立时间较长", "Registered for long"),
        "log",
    ),
    Feature(
        "industry",
        _effect("industry"),
        1,
        ("所属行业历史违约较多", "The industry's past loans defaulted more often"),
        ("所属行业历史违约较少", "The industry's past loans defaulted less often"),
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
    policy="jinan",
    date="applied_on",
    levers=(
        Lever(
            "requested_amount_fen",
            1_000_000,
            1_000_000_000,
            1_000_000,
            ("申请金额改为 {value} 元", "apply for {value} yuan"),
            0.8,
            "yuan",
        ),
        Lever(
            "utility_late_12m",
            0,
            12,
            1,
            ("近一年水电气费逾期降至 {value} 次", "{value} late utility bills in a year"),
            1.0,
        ),
        Lever(
            "tax_late_12m",
            0,
            12,
            1,
            ("近一年逾期申报降至 {value} 次", "{value} late tax returns in a year"),
            1.0,
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
