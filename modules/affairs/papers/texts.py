"""The words with which people consent to it."""

from core.texts import Text

CONSENT = Text(
    "LICENCE_PAPERS_CONSENT",
    "为您办事时自动填写表单、免交已有电子证照的材料,凭您的证件号码向电子证照系统查询您的证照,"
    "并将所用证照的内容交给受理该事项的部门。",
    "To fill in the forms of your applications, and to spare you papers of which there are "
    "e-licences, your document number is used to ask the e-licence system for your licences; the "
    "departments that handle an application see those that are used for it.",
)
