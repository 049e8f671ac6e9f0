"""The words of the programme of small children."""

from core.texts import Named, Text

CONSENT = Text(
    "MATERNAL_INFANT_CARE_CONSENT",
    "为向您提供孕产期保健,并在孩子出生后提供婴幼儿保健,保存您填写的孕期信息、测量结果、"
    "随访和提醒,供您本人、您授权的家人和您的家庭医生团队查看。",
    "To care for you in pregnancy and for your child after the birth, what you or your family "
    "type, the visits and alerts are kept for you, for whom you authorise and for your family "
    "doctor's team.",
)
TOO_MANY = Text(
    "INFANT_TOO_MANY", "最多可为 {limit} 个孩子建立计划", "At most {limit} children can have a plan"
)
BORN_IN_FUTURE = Text(
    "INFANT_BORN_IN_FUTURE", "出生日期不能晚于今天", "A birth cannot lie in the future"
)
OTHER_BIRTH_DATE = Text(
    "INFANT_OTHER_BIRTH_DATE",
    "出生日期与孩子登记的不一致",
    "The birth date is not the one that the child is registered with",
)
HAS_PLAN = Text("INFANT_HAS_PLAN", "该孩子已有保健计划", "The child has a plan of its own already")
TOO_OLD = Text(
    "INFANT_TOO_OLD",
    "婴幼儿保健面向未满 {years} 周岁的孩子",
    "Infant care is for children below {years} years",
)
GESTATION_RANGE = Text(
    "INFANT_GESTATION_RANGE",
    "出生孕周须在 22 至 44 周之间,天数为 0 至 6",
    "A pregnancy of 22 to 44 weeks, and 0 to 6 days",
)
BEFORE_BIRTH = Text(
    "INFANT_BEFORE_BIRTH", "测量时间不能早于出生", "A measurement cannot be before the birth"
)
IN_JIN = Text(
    "INFANT_WEIGHT_IN_JIN",
    "{value} 千克与年龄不符。您填写的是斤吗?{value} 斤为 {converted} 千克",
    "{value} kg do not fit the age. Is it in jin? {value} jin are {converted} kg",
)
IN_GRAMS = Text(
    "INFANT_WEIGHT_IN_GRAMS",
    "{value} 千克与年龄不符。您填写的是克吗?{value} 克为 {converted} 千克",
    "{value} kg do not fit the age. Is it in grams? {value} g are {converted} kg",
)
IN_METRES = Text(
    "INFANT_LENGTH_IN_METRES",
    "{value} 厘米与年龄不符。您填写的是米吗?{value} 米为 {converted} 厘米",
    "{value} cm do not fit the age. Is it in metres? {value} m are {converted} cm",
)
VERY_LOW = Text(
    "GROWTH_VERY_LOW_ADVICE",
    "有一项生长指标低于同龄儿童参考值很多,请两周内带孩子到儿童保健门诊。",
    "One growth measurement is far below other children's of this age: please see the child health "
    "clinic within two weeks.",
)
LOW = Text(
    "GROWTH_LOW_ADVICE",
    "有一项生长指标偏低。请复测一次,并在下次体检时与医生谈一谈喂养。",
    "One growth measurement is low for the age. Measure once more, and talk about feeding at the "
    "next check-up.",
)
HIGH = Text(
    "GROWTH_HIGH_ADVICE",
    "有一项生长指标偏高。请复测一次,并在下次体检时告诉医生。",
    "One growth measurement is high for the age. Measure once more, and say so at the next "
    "check-up.",
)
NEWBORN = Named("新生儿访视(含母亲产后访视)", "Home visit to mother and newborn")
FIRST_MONTH = Named("满月健康检查", "First month's check-up")
MOTHER_42 = Named("母亲产后 42 天检查", "The mother's check-up 42 days after the birth")
CHECK_UP = Named("{} 月龄健康检查", "Check-up at {} months")
