"""The words of the programme of pregnancies."""

from core.texts import Named, Text

REGISTER_CONSENT = Text(
    "BIRTH_REGISTER_CONSENT",
    "为在您报告分娩时免去重复填写,凭您的证件号码向出生医学证明管理系统查询您孩子的出生信息。",
    "So that you need not type a birth again, your document number is used to ask the register of "
    "births for your children's certificates.",
)
ONE_DATE = Text(
    "MATERNAL_ONE_DATE",
    "请填写末次月经第一天或预产期中的一项",
    "Give either the first day of the last period or the due date",
)
DUE_IN_PAST = Text(
    "MATERNAL_DUE_IN_PAST",
    "预产期已过,请核对;如孩子已出生,请为孩子建立婴幼儿保健计划",
    "The due date has passed: please check it; for a child that is born open an infant's plan",
)
DUE_TOO_FAR = Text(
    "MATERNAL_DUE_TOO_FAR",
    "预产期不能晚于 280 天之后",
    "A due date is at most 280 days away",
)
PERIOD_IN_FUTURE = Text(
    "MATERNAL_PERIOD_IN_FUTURE",
    "末次月经不能晚于今天",
    "The last period cannot lie in the future",
)
PERIOD_TOO_LONG_AGO = Text(
    "MATERNAL_PERIOD_TOO_LONG_AGO",
    "按末次月经推算,预产期已过,请核对",
    "By this last period the due date has passed: please check it",
)
FETUSES_RANGE = Text(
    "MATERNAL_FETUSES_RANGE", "胎数须为 1 至 {most}", "One to {most} children are expected"
)
SCAN_INVALID = Text(
    "MATERNAL_SCAN_INVALID",
    "超声孕周须为 5 至 42 周、0 至 6 天,且检查日期不晚于今天、不早于末次月经",
    "A scan shows 5 to 42 weeks and 0 to 6 days, and was made between the last period and today",
)
BORN_IN_FUTURE = Text(
    "MATERNAL_BORN_IN_FUTURE", "出生日期不能晚于今天", "A birth cannot lie in the future"
)
BIRTH_BEFORE_PLAN = Text(
    "MATERNAL_BIRTH_BEFORE_PLAN",
    "出生日期早于加入计划的日期,请核对;如孩子在此之前出生,请直接建立婴幼儿保健计划",
    "The birth is before the day on which you joined: please check it; for an older child open an "
    "infant's plan",
)
TOO_EARLY = Text(
    "MATERNAL_BIRTH_TOO_EARLY",
    "按预产期推算,该日孕周不足 22 周,请核对日期或预产期",
    "By the due date that day is before 22 weeks: please check both dates",
)
CHILDREN_RANGE = Text(
    "MATERNAL_CHILDREN_RANGE", "请填写 1 至 {most} 个孩子", "Name one to {most} children"
)
SEVERE = Text(
    "PREGNANCY_PRESSURE_SEVERE_ADVICE",
    "孕期血压达到 160/110 或以上。请立即到产科急诊或拨打 120。",
    "160/110 or more in pregnancy: go to an obstetric emergency room or call 120 at once.",
)
HIGH = Text(
    "PREGNANCY_PRESSURE_HIGH_ADVICE",
    "孕期血压达到 140/90 或以上。请静坐后复测,两天内到产科就诊;如头痛、眼花、上腹痛,请立即就诊。",
    "140/90 or more in pregnancy. Measure again after a rest and see your obstetrician within two "
    "days; with headache, blurred sight or pain in the upper belly go at once.",
)
VISIT = Named("第 {} 次产前检查", "Antenatal visit {}")
