"""The policies that ship: every rule with its texts and the two examples that test it."""

from datetime import date

from credit.policy.rules import Band, Condition, Outcome, Policy, Rule, Terms

MAX_SME_CREDIT_FEN = 1_000_000_000
"""Ten million yuan: the ceiling of an inclusive small-business loan (银保监办发〔2020〕15号)."""

_SBA_RULES = (
    Rule(
        "PD_TOO_HIGH",
        (Condition("pd", ">", 0.30),),
        Outcome.DECLINE,
        ("违约概率超过准入线", "The probability of default is above the cut-off"),
        trips={"pd": 0.31},
        passes={"pd": 0.30},
    ),
    Rule(
        "PD_BORDERLINE",
        (Condition("pd", ">", 0.20), Condition("pd", "<=", 0.30)),
        Outcome.REFER,
        ("违约概率接近准入线，转人工复核", "The probability of default needs a person's review"),
        trips={"pd": 0.25},
        passes={"pd": 0.20},
    ),
    Rule(
        "FAR_FROM_TRAINING",
        (Condition("out_of_range", ">=", 3),),
        Outcome.REFER,
        ("多项资料超出模型训练范围，转人工复核", "Several inputs lie outside the trained range"),
        trips={"out_of_range": 3},
        passes={"out_of_range": 2},
    ),
)

_SBA_TERMS = Terms(
    unit="USD",
    amount_column="gr_appv",
    turnover_column=None,
    least_amount=1_000,
    most_amount=5_000_000,
    round_to=100,
    bands=(Band(0.10, 10_000, 0), Band(0.20, 9_000, 0), Band(0.30, 7_500, 0)),
    reference_bps=750,
    reference_name=("最优惠利率（示例）", "Prime rate (example)"),
    margin_bps=150,
    loss_given_default_bps=5_000,
    grid_bps=5,
    most_bps=2_400,
)

_JINAN_RULES = (
    Rule(
        "TAX_GRADE_D",
        (Condition("tax_grade_points", "<=", 1),),
        Outcome.DECLINE,
        ("纳税信用为 D 级", "The tax credit grade is D"),
        trips={"tax_grade_points": 1},
        passes={"tax_grade_points": 2},
    ),
    Rule(
        "ENFORCEMENT_CASE",
        (Condition("court_enforcements_24m", ">=", 1),),
        Outcome.DECLINE,
        ("近两年有被执行案件", "A court enforcement case within two years"),
        trips={"court_enforcements_24m": 1},
        passes={"court_enforcements_24m": 0},
    ),
    Rule(
        "TOO_YOUNG",
        (Condition("months_registered", "<", 12),),
        Outcome.REFER,
        ("成立不满一年，转人工复核", "Registered for less than a year"),
        trips={"months_registered": 11},
        passes={"months_registered": 12},
    ),
    Rule(
        "ABOVE_INCLUSIVE_CEILING",
        (Condition("requested_amount_fen", ">", MAX_SME_CREDIT_FEN),),
        Outcome.DECLINE,
        ("申请金额超过普惠小微授信上限", "The request is above the inclusive-loan ceiling"),
        trips={"requested_amount_fen": MAX_SME_CREDIT_FEN + 1},
        passes={"requested_amount_fen": MAX_SME_CREDIT_FEN},
    ),
    Rule(
        "PD_TOO_HIGH",
        (Condition("pd", ">", 0.12),),
        Outcome.DECLINE,
        ("违约概率超过准入线", "The probability of default is above the cut-off"),
        trips={"pd": 0.121},
        passes={"pd": 0.12},
    ),
    Rule(
        "PD_BORDERLINE",
        (Condition("pd", ">", 0.08), Condition("pd", "<=", 0.12)),
        Outcome.REFER,
        ("违约概率接近准入线，转人工复核", "The probability of default needs a person's review"),
        trips={"pd": 0.10},
        passes={"pd": 0.08},
    ),
    Rule(
        "FAR_FROM_TRAINING",
        (Condition("out_of_range", ">=", 3),),
        Outcome.REFER,
        ("多项资料超出模型训练范围，转人工复核", "Several inputs lie outside the trained range"),
        trips={"out_of_range": 3},
        passes={"out_of_range": 2},
    ),
)

_JINAN_TERMS = Terms(
    unit="CNY fen",
    amount_column="requested_amount_fen",
    turnover_column="invoiced_12m_fen",
    least_amount=1_000_000,
    most_amount=MAX_SME_CREDIT_FEN,
    round_to=100_000,
    bands=(Band(0.02, 10_000, 3_000), Band(0.05, 10_000, 2_000), Band(0.12, 8_000, 1_200)),
    reference_bps=300,
    reference_name=("一年期 LPR（2025-05-20 起 3.00%）", "1-year LPR (3.00% since 2025-05-20)"),
    margin_bps=60,
    loss_given_default_bps=4_500,
    grid_bps=5,
    most_bps=2_400,
)

POLICIES: tuple[Policy, ...] = (
    Policy("sba", 1, date(1970, 1, 1), _SBA_RULES, _SBA_TERMS),
    Policy("jinan", 1, date(2025, 5, 20), _JINAN_RULES, _JINAN_TERMS),
)
