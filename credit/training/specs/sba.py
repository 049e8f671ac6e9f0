"""Real U.S. Small Business Administration 7(a) loans (FOIA, public domain), amounts in dollars.

Source and column meanings: Li, Mickel & Taylor, "Should This Loan be Approved or Denied?",
Journal of Statistics Education 26(1), 2018. Their full file is the one anyone can fetch.

`term` is declared as known after the outcome: what the file holds is the term as it turned out
(87 % of paid loans but 9 % of charged-off ones have whole years), not the term applied for.
Job counts, new/existing business and the urban flag are left out: their meaning changed between
vintages (blank in older loans) and the sign of their effect with it.
"""

from credit.engine.scale import Scale
from credit.engine.schema import Column, Derivation, Feature, Kind, Known, Lever, Part
from credit.training.specs.spec import Fit, Group, Spec

_NUMBER, _TEXT, _DATE = Kind.NUMBER, Kind.TEXT, Kind.DATE
_APPLY, _ASKED, _AFTER = Known.APPLICATION, Known.REQUESTED, Known.AFTER

_COLUMNS = (
    Column("loan_nr_chk_dgt", _TEXT, Known.IDENTIFIER, required=True),
    Column("approval_date", _DATE, Known.TIME, required=True),
    Column("approval_fy", _NUMBER, Known.TIME, minimum=1950, maximum=2100, required=True),
    Column("mis_status", _TEXT, Known.LABEL),
    Column("weight", _NUMBER, Known.WEIGHT, minimum=0),
    Column("source", _TEXT, Known.WEIGHT),
    Column("city", _TEXT, _APPLY),
    Column("state", _TEXT, _APPLY),
    Column("zip", _TEXT, _APPLY, blank=("0",)),
    Column("bank", _TEXT, _APPLY),
    Column("bank_state", _TEXT, _APPLY),
    Column("naics", _TEXT, _APPLY, blank=("0",)),
    Column("no_emp", _NUMBER, _APPLY, minimum=0),
    Column("new_exist", _TEXT, _APPLY, blank=("0", "0.0")),
    Column("create_job", _NUMBER, _APPLY, minimum=0),
    Column("retained_job", _NUMBER, _APPLY, minimum=0),
    Column("franchise_code", _TEXT, _APPLY),
    Column("urban_rural", _TEXT, _APPLY, blank=("0",)),
    Column("low_doc", _TEXT, _APPLY),
    Column("rev_line_cr", _TEXT, _APPLY),
    Column("gr_appv", _NUMBER, _ASKED, minimum=1),
    Column("sba_appv", _NUMBER, _ASKED, minimum=0),
    Column("term", _NUMBER, _AFTER),
    Column("real_estate", _NUMBER, _AFTER),
    Column("recession", _NUMBER, _AFTER),
    Column("daysterm", _NUMBER, _AFTER),
    Column("xx", _NUMBER, _AFTER),
    Column("disbursement_date", _DATE, _AFTER),
    Column("disbursement_gross", _NUMBER, _AFTER),
    Column("balance_gross", _NUMBER, _AFTER),
    Column("chg_off_date", _DATE, _AFTER),
    Column("chg_off_prin_gr", _NUMBER, _AFTER),
)

_LENDER = (Part("bank"),)
_AMOUNT = Derivation("number", columns=("gr_appv",), log=True)
_HALF = Derivation("equals", columns=("sba_appv", "gr_appv"), codes=(("half", 0.5),))
_OUT_OF_STATE = Derivation("differs", columns=("bank_state", "state"))

_FEATURES = (
    Feature(
        "amount",
        _AMOUNT,
        -1,
        (
            "申请金额较小，同等规模贷款违约较多",
            "Loans of this small an amount defaulted more often",
        ),
        ("申请金额所在区间违约较少", "Loans of this amount defaulted less often"),
        "log",
        subject=("申请金额", "the amount"),
    ),
    Feature(
        "guaranteed_share",
        Derivation("ratio", columns=("sba_appv", "gr_appv")),
        0,
        (
            "所申请担保比例对应的贷款违约较多",
            "Loans with this guaranteed share defaulted more often",
        ),
        (
            "所申请担保比例对应的贷款违约较少",
            "Loans with this guaranteed share defaulted less often",
        ),
        "share",
        subject=("担保比例", "the guaranteed share"),
    ),
    Feature(
        "lender_out_of_state",
        _OUT_OF_STATE,
        1,
        ("贷款银行不在企业所在州", "The lender is based in another state"),
        ("贷款银行与企业在同一州", "The lender is based in the same state"),
        subject=("贷款银行所在州", "the lender's state"),
    ),
    Feature(
        "revolving",
        Derivation("codes", columns=("rev_line_cr",), codes=(("Y", 1.0), ("N", 0.0))),
        0,
        ("是否循环额度（含未登记）对应的违约较多", "Revolving-credit status points to higher risk"),
        ("是否循环额度对应的违约较少", "Revolving-credit status points to lower risk"),
        subject=("循环额度登记", "revolving-credit status"),
    ),
    Feature(
        "low_doc",
        Derivation("codes", columns=("low_doc",), codes=(("Y", 1.0), ("N", 0.0))),
        0,
        (
            "所用申请通道（简化材料与否）违约较多",
            "The application track (LowDoc or not) is riskier",
        ),
        ("所用申请通道违约较少", "The application track (LowDoc or not) is safer"),
        subject=("申请通道", "the application track"),
    ),
    Feature(
        "employees",
        Derivation("number", columns=("no_emp",)),
        -1,
        ("雇员人数较少", "Few employees"),
        ("雇员人数较多", "More employees"),
        subject=("雇员人数", "the number of employees"),
    ),
    Feature(
        "lender",
        Derivation(
            "effect",
            levels=((Part("bank_state"),), (Part("bank_state"), Part("bank"))),
        ),
        1,
        ("该贷款银行同类贷款的历史违约较多", "This lender's past loans defaulted more often"),
        ("该贷款银行同类贷款的历史违约较少", "This lender's past loans defaulted less often"),
        subject=("该贷款银行的历史", "the lender's past loans"),
    ),
    Feature(
        "industry",
        Derivation(
            "effect",
            levels=tuple((Part("naics", digits),) for digits in (2, 3, 4, 6)),
        ),
        1,
        ("所属行业历史违约较多", "The industry's past loans defaulted more often"),
        ("所属行业历史违约较少", "The industry's past loans defaulted less often"),
        subject=("所属行业", "the industry"),
    ),
    Feature(
        "region",
        Derivation("effect", levels=((Part("state"),), (Part("state"), Part("zip", 3)))),
        1,
        ("所在地区历史违约较多", "The area's past loans defaulted more often"),
        ("所在地区历史违约较少", "The area's past loans defaulted less often"),
        subject=("所在地区", "the area"),
    ),
    Feature(
        "amount_for_lender",
        Derivation("profile", levels=(_LENDER,), of=_AMOUNT, statistic="median", relative=True),
        -1,
        ("申请金额低于该银行的常见金额", "The amount is small for this lender"),
        ("申请金额不低于该银行的常见金额", "The amount is not small for this lender"),
        subject=("申请金额与该银行常见金额之比", "the amount against the lender's usual one"),
    ),
    Feature(
        "lender_half_guaranteed",
        Derivation("profile", levels=(_LENDER,), of=_HALF),
        0,
        ("该银行快速贷款占比对应的风险较高", "The lender's share of express loans points to risk"),
        (
            "该银行快速贷款占比对应的风险较低",
            "The lender's share of express loans points to safety",
        ),
        "share",
        subject=("该银行快速贷款占比", "the lender's share of express loans"),
    ),
    Feature(
        "lender_reach",
        Derivation("profile", levels=(_LENDER,), of=_OUT_OF_STATE),
        0,
        ("该银行异地贷款占比对应的风险较高", "The lender's share of distant loans points to risk"),
        (
            "该银行异地贷款占比对应的风险较低",
            "The lender's share of distant loans points to safety",
        ),
        "share",
        subject=("该银行异地贷款占比", "the lender's share of distant loans"),
    ),
)

SBA = Spec(
    name="sba",
    title=("美国小企业管理局 7(a) 贷款（真实数据）", "U.S. SBA 7(a) loans (real)"),
    language="en",
    columns=_COLUMNS,
    features=_FEATURES,
    label="mis_status",
    bad=frozenset({"CHGOFF"}),
    good=frozenset({"PIF", "P I F"}),
    id="loan_nr_chk_dgt",
    outcome=("贷款核销（任何时候）", "charged off, at any time"),
    weight="weight",
    date="approval_date",
    year="approval_fy",
    strata=("source",),
    levers=(
        Lever(
            "gr_appv",
            1_000,
            5_000_000,
            1_000,
            ("申请贷款金额改为 {value}", "apply for a loan amount of {value}"),
            direction=-1,
            scales=("sba_appv",),
        ),
    ),
    groups=(
        Group("region", ("地区（州）", "Region (state)"), key=(Part("state"),)),
        Group("industry", ("行业", "Industry (NAICS-2)"), key=(Part("naics", 2),)),
        Group("size", ("规模（雇员）", "Size (employees)"), column="no_emp", bands=(2, 5, 10, 25)),
        Group(
            "legal_form",
            ("企业形态（新设/存续；档案无法律形式）", "Form (new/existing; no legal form on file)"),
            key=(Part("new_exist"),),
        ),
    ),
    scale=Scale(anchor=600, anchor_odds=19.0, pdo=50.0),
    fit=Fit(ahead_years=3),
)
