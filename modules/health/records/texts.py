"""The words of reports and records."""

from core.texts import Text

CONSENT = Text(
    "HEALTH_RECORDS_CONSENT",
    "为向您展示检验检查报告和健康档案,凭您的证件号码向已接入医院查询报告、结果、影像与就诊记录;本平台不存储这些内容。",
    "To show you your reports and your health record, your document number is used to ask the "
    "connected hospitals for reports, results, images and visits; none of it is stored here.",
)
