"""The words for those who call Open311."""

from core.texts import Text

API_KEY = Text("API_KEY", "缺少 api_key 或其无效", "api_key is missing or not valid")
TOO_MANY_POSTS = Text(
    "TOO_MANY_POSTS",
    "提交过于频繁,请{retry_after_s}秒后再试",
    "Too many posts, try again in {retry_after_s} seconds",
)
JURISDICTION = Text(
    "JURISDICTION", "没有这个 jurisdiction_id", "There is no such jurisdiction_id here"
)
FORMAT = Text("FORMAT", "格式为 xml 或 json", "The format is xml or json")
ARGUMENT_MISSING = Text("ARGUMENT_MISSING", "缺少 {name}", "{name} was not provided")
ARGUMENT_INVALID = Text("ARGUMENT_INVALID", "{name} 无效", "{name} is not valid")
DATES_APART = Text(
    "DATES_APART", "时间跨度最多 {days} 天", "The dates may not span more than {days} days"
)
PLACE_MISSING = Text(
    "PLACE_MISSING",
    "请提供 lat 与 long:不能只凭地址定位",
    "lat and long are needed: a place is not found by its address alone",
)
BODY = Text(
    "BODY",
    "请以 application/x-www-form-urlencoded(UTF-8)提交,最多 64 KB",
    "Send application/x-www-form-urlencoded in UTF-8, at most 64 KB",
)
SERVICE_UNKNOWN = Text("SERVICE_UNKNOWN", "没有这个 service_code", "There is no such service_code")
NOTICE = Text(
    "NOTICE",
    "承诺 {days} 个工作日内处置,承办单位:{unit}",
    "The city promises to be done in {days} working days; it is with {unit}",
)
