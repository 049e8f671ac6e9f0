"""The words of objections to traffic violations."""

from core.texts import Named, Text

POLICE = Text("TRAFFIC_POLICE", "交警部门", "The traffic police")
UNKNOWN = Text(
    "OBJECTION_VIOLATION_UNKNOWN",
    "本人名下机动车没有这条待处理的违法记录",
    "There is no such open violation of your own car",
)
ACCEPTED = Text(
    "OBJECTION_VIOLATION_ACCEPTED",
    "该违法已确认处理,如不服处罚决定,可依法申请行政复议",
    "This violation has been accepted; against the decision there is administrative review",
)
NOT_REMOVED = Named(
    "交警系统未能消除该记录:{reason}", "The traffic police did not remove the record: {reason}"
)
