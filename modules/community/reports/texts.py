"""Every word of snap reports that people read; states and steps stand in the definition."""

from core.texts import Text
from notifications.api import Template

CATEGORY_UNKNOWN = Text("CATEGORY_UNKNOWN", "没有这个类别", "There is no such category")
CATEGORY_WITHDRAWN = Text(
    "CATEGORY_WITHDRAWN", "该类别已停止受理", "Reports of this category are no longer taken"
)
NOTHING_SHOWN = Text(
    "NOTHING_SHOWN", "请上传照片或说明情况", "Please send a photograph or say what is the matter"
)
PHOTO_UNKNOWN = Text(
    "PHOTO_UNKNOWN", "照片不存在、未传完或已使用", "There is no such photograph, or it is in use"
)
PHOTOS_MANY = Text("PHOTOS_MANY", "最多 {most} 张照片", "At most {most} photographs")
PHOTOS_TODAY = Text("PHOTOS_TODAY", "今日上传照片已达上限", "No more photographs can be sent today")
REPORTS_TODAY = Text("REPORTS_TODAY", "今日上报已达上限", "No more reports can be filed today")
UPLOAD_LENGTH = Text(
    "UPLOAD_LENGTH", "请说明文件大小(1 至 {most} 字节)", "State the size: 1 to {most} bytes"
)
UPLOAD_OFFSET = Text(
    "UPLOAD_OFFSET", "续传位置不符,应为 {received}", "The upload goes on at {received}"
)
UPLOAD_TYPE = Text(
    "UPLOAD_TYPE",
    "请以 application/offset+octet-stream 上传",
    "Send the bytes as application/offset+octet-stream",
)
REPORT_SIMILAR = Text(
    "REPORT_SIMILAR",
    "附近已有 {count} 个相似问题,可直接关注",
    "{count} similar reports nearby are open: you may follow them instead",
)
FOLLOWS_MANY = Text("FOLLOWS_MANY", "最多关注 {most} 个问题", "At most {most} reports are followed")
PROOF_MISSING = Text(
    "PROOF_MISSING", "办结须附照片或说明理由", "To close it takes a photograph or a reason"
)
MERGE_TARGET = Text(
    "MERGE_TARGET", "只能并入另一个在办问题", "It can be merged into another open report only"
)
OTHERS_MERGED = Text(
    "OTHERS_MERGED",
    "同一问题的其他上报已并入本件,不能撤回",
    "Other reports of the same matter go on as this one: it cannot be taken back",
)
GRID_PREFIX = Text(
    "GRID_PREFIX", "网格前缀为 6 至 15 位数字", "A part of the city is named by 6 to 15 digits"
)
HOLD_PROOF = Text("REPORT_HOLD_PROOF", "处置照片属办件档案", "Proofs belong to the file of a case")

NEWS_TITLE = Text("REPORT_NEWS_TITLE", "您关注的问题:{category}", "You follow: {category}")
NEWS_BODY = Text(
    "REPORT_NEWS_BODY",
    "{no}:{event},现为“{state}”。",
    "{no}: {event}; it is now: {state}.",
)

MESSAGES = (Template("community.report_news", NEWS_TITLE, NEWS_BODY),)
