"""The words of vaccination appointments."""

from core.texts import Text

REGISTRY = "免疫规划信息系统 / immunisation registry"
DOSE_GIVEN = Text("DOSE_GIVEN", "该剂次已接种", "This dose has been given already")
DOSE_NOT_DUE = Text(
    "DOSE_NOT_DUE", "该剂次不在应种之列", "This dose is not the next one that is due"
)
DOSE_TOO_EARLY = Text(
    "DOSE_TOO_EARLY",
    "该剂次最早可于 {earliest} 接种",
    "This dose cannot be given before {earliest}",
)
VACCINATION_CONSENT = Text(
    "VACCINATION_CONSENT",
    "为预约接种,将接种人的姓名、证件号码和手机号码提交所选接种门诊。",
    "To book a vaccination, the name, document number and phone of whoever is vaccinated are "
    "passed to the clinic you choose.",
)
IMMUNISATION_CONSENT = Text(
    "IMMUNISATION_CONSENT",
    "为展示接种史和应种剂次,凭接种人的证件号码向免疫规划信息系统查询接种记录。",
    "To show past and due doses, the document number of whoever is vaccinated is used to ask the "
    "immunisation registry for the vaccination record.",
)
