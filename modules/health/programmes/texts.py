"""The words that all care programmes share."""

from core.texts import Named, Text

REGISTER = "care-programmes"
"""The source that consents and the access log name: the city's own register of programmes."""

SHOWN_CONSENT = Text(
    "CARE_PLANS_IN_RECORD_CONSENT",
    "将您参加的健康管理计划(目标、随访和近期测量)列入您的健康档案,供您本人、您授权查看健康档案的人,"
    "以及您出示健康卡码的医院查看。",
    "Your care programmes' plans (goals, visits, recent measurements) stand in your health record: "
    "for you, for whom you authorise to see the record, and for the hospital to which you show "
    "your card's code.",
)
ALREADY_ENROLLED = Text(
    "CARE_ALREADY_ENROLLED", "您已加入该健康管理计划", "You take part in this programme already"
)
TOO_YOUNG = Text(
    "CARE_TOO_YOUNG",
    "该计划面向 {age} 岁及以上居民",
    "This programme is for people of {age} years and more",
)
NOTHING_MEASURED = Text(
    "CARE_NOTHING_MEASURED", "请至少填写一项测量结果", "Give at least one measured value"
)
OTHER_PROGRAMME = Text(
    "CARE_OTHER_PROGRAMME",
    "该计划不记录此项测量",
    "This programme keeps no such measurement",
)
MEASURED_IN_FUTURE = Text(
    "CARE_MEASURED_IN_FUTURE", "测量时间不能晚于现在", "A measurement cannot lie in the future"
)
MEASURED_TOO_LONG_AGO = Text(
    "CARE_MEASURED_TOO_LONG_AGO",
    "只能补记最近 {days} 天内的测量",
    "Only measurements of the last {days} days can be added",
)
IMPLAUSIBLE = Text(
    "CARE_IMPLAUSIBLE",
    "{value} {unit} 超出可测范围({low}–{high}),请核对后重新填写;如身体不适请立即就医或拨打 120",
    "{value} {unit} is outside what can be measured ({low}–{high}): please check and type it again;"
    " if you feel unwell see a doctor or call 120 at once",
)
PRESSURE_SWAPPED = Text(
    "CARE_PRESSURE_SWAPPED",
    "高压须大于低压。您是否想填 {systolic}/{diastolic}?",
    "The upper value is the larger one. Did you mean {systolic}/{diastolic}?",
)
PRESSURE_INCOMPLETE = Text(
    "CARE_PRESSURE_INCOMPLETE",
    "血压须同时填写高压和低压",
    "Blood pressure is two values: the upper and the lower",
)
GLUCOSE_UNIT = Text(
    "CARE_GLUCOSE_UNIT",
    "{value} mmol/L 超出血糖仪范围。血糖仪显示的是 mg/dL 吗?{value} mg/dL 约为 {converted} mmol/L",
    "{value} mmol/L is more than meters show. Does yours show mg/dL? {value} mg/dL are about "
    "{converted} mmol/L",
)
HBA1C_UNIT = Text(
    "CARE_HBA1C_UNIT",
    "{value}% 超出糖化血红蛋白范围。报告单位是 mmol/mol 吗?{value} mmol/mol 约为 {converted}%",
    "{value}% is no possible HbA1c. Is the report in mmol/mol? {value} mmol/mol are about "
    "{converted}%",
)
PLACE_TOO_LONG = Text(
    "CARE_PLACE_INVALID", "地点须为 1 至 64 个字", "A place has 1 to 64 characters"
)
NOTE_TOO_LONG = Text("CARE_NOTE_TOO_LONG", "说明最多 500 字", "The note has at most 500 characters")
BOOKED_IN_PAST = Text(
    "CARE_BOOKED_IN_PAST", "预约时间须晚于现在", "A visit is booked for a moment to come"
)
FOLLOW_UP_CLOSED = Text("CARE_FOLLOW_UP_CLOSED", "该随访已完成", "This visit has been kept already")
EVERY_DAYS_RANGE = Text(
    "CARE_EVERY_DAYS_RANGE", "测量间隔须为 1 至 90 天", "Measurements are 1 to 90 days apart"
)
GOAL_INVALID = Text(
    "CARE_GOAL_INVALID",
    "目标须有上限或下限,下限小于上限,且为该计划的测量项目",
    "A goal has a lower or an upper bound, the lower below the upper, of a quantity of the "
    "programme",
)
PLAN_CHANGED = Text(
    "CARE_PLAN_CHANGED",
    "该计划已被更新,请刷新后再修改",
    "The plan has been changed meanwhile: look at it again first",
)

AHEAD_TITLE = Text("CARE_AHEAD_TITLE", "随访提醒", "A visit is coming up")
AHEAD_BODY = Text(
    "CARE_AHEAD_BODY",
    "您的健康计划有一次随访,请在 {from_on} 至 {until_on} 之间完成。",
    "Your care plan has a visit between {from_on} and {until_on}.",
)
BOOKED_TITLE = Text("CARE_BOOKED_TITLE", "随访已预约", "A visit is booked")
BOOKED_BODY = Text(
    "CARE_BOOKED_BODY",
    "您的随访已预约在 {at},地点:{place}。",
    "Your visit is booked for {at}, at {place}.",
)
RECALL_TITLE = Text("CARE_RECALL_TITLE", "随访已过期", "A visit has been missed")
RECALL_BODY = Text(
    "CARE_RECALL_BODY",
    "您的健康计划有一次随访应在 {until_on} 前完成,请尽快联系您的家庭医生团队。",
    "A visit of your care plan was due by {until_on}: please call your family doctor's team.",
)
MEASURE_TITLE = Text("CARE_MEASURE_TITLE", "该测量了", "Time to measure")
MEASURE_BODY = Text(
    "CARE_MEASURE_BODY",
    "按您的健康计划,已有 {days} 天没有新的测量记录。",
    "There has been no measurement for {days} days; your care plan asks for one.",
)
ALERT_TITLE = Text("CARE_ALERT_TITLE", "健康计划提醒", "A notice of your care plan")
ALERT_BODY = Text(
    "CARE_ALERT_BODY",
    "最近的测量结果需要您关注,请打开健康计划查看建议;如感不适请立即就医或拨打 120。",
    "A recent measurement needs your attention: please open your care plan for advice; if you feel "
    "unwell see a doctor or call 120 at once.",
)
PLAN_TITLE = Text("CARE_PLAN_TITLE", "健康计划已更新", "Your care plan has been changed")
PLAN_BODY = Text(
    "CARE_PLAN_BODY",
    "您的医生更新了您的健康计划,请查看新的目标和安排。",
    "Your doctor has changed your care plan: please look at its new goals.",
)
RECHECK = Named("复查", "Re-check")
