"""The words of the service."""

from core.texts import Text

CONSENT = Text(
    "EXAMPLE_QUERY_CONSENT",
    "为向您展示您的记录,凭您的身份证号码向登记机构查询。",
    "To show you your record, your ID number is used to ask the registry for it.",
)
