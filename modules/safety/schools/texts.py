"""The words that the services about schools share."""

from core.texts import Text

BUREAU = Text("EDUCATION_BUREAU", "教育局", "the education bureau")
SCHOOL_CONSENT = Text(
    "SCHOOL_CONSENT",
    "同意向教育局查询孩子的就读学校和班级。",
    "I agree that the education bureau is asked for my child's school and class.",
)
NAME_A_CHILD = Text("NAME_A_CHILD", "请选择您监护的孩子", "Name the child whose guardian you are")
NOT_ENROLLED = Text(
    "NOT_ENROLLED", "未查到该孩子的就读学校", "No school is known to which the child goes"
)
SIGNATURE_INVALID = Text(
    "SIGNATURE_INVALID", "签名无效", "The message is not signed by a school that is known"
)
REQUEST_TOO_LARGE = Text(
    "REQUEST_TOO_LARGE", "请求超过 {most} 字节", "The request is larger than {most} bytes"
)
