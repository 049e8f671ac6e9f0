"""The words of school cameras."""

from core.texts import Text

PLATFORM = Text("VIDEO_PLATFORM", "视频平台", "the video platform")
CAMERA_SHUT = Text(
    "CAMERA_SHUT", "该摄像头目前不在开放时段", "This camera may not be seen at this hour"
)
TOO_MANY_VIEWS = Text(
    "TOO_MANY_VIEWS",
    "最多可同时观看 {limit} 路视频",
    "At most {limit} cameras can be watched at a time",
)
VIDEO_URL_INVALID = Text(
    "VIDEO_URL_INVALID",
    "视频地址无效或已过期,请重新打开",
    "The address does not hold: open it anew",
)
