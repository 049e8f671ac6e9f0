"""The words of triage."""

from core.texts import Named, Text

EMERGENCY = Named(
    "请立即拨打 {number} 急救电话,不要自行驾车前往医院。",
    "Call {number} now. Do not drive to the hospital yourself.",
)
NO_DIAGNOSIS = Named(
    "本结果按公开发布的规则生成,仅供选择科室参考,不是诊断。症状加重请拨打 {number}。",
    "This follows published rules and helps to choose a department. It is no diagnosis. "
    "If it gets worse, call {number}.",
)
SYMPTOMS_MISSING = Text(
    "TRIAGE_SYMPTOMS_MISSING", "请至少选择一个症状", "Choose one symptom at least"
)
SYMPTOM_UNKNOWN = Text("TRIAGE_SYMPTOM_UNKNOWN", "无法识别的症状:{code}", "Unknown symptom: {code}")
NOT_POSSIBLE = Text(
    "TRIAGE_NOT_POSSIBLE", "年龄、性别与孕期不符", "Age, sex and pregnancy do not fit together"
)
