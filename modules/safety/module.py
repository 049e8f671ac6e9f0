"""The manifest of safety."""

from core.manifest import Manifest, Service, ServiceKind, Theme

_SERVICES = (
    Service(
        57,
        "school-entry-push",
        "校园出入推送",
        "School entry and exit push",
        Theme.SAFETY,
        ServiceKind.SUBSCRIPTION,
        department="education",
        identity_level=2,
    ),
    Service(
        58,
        "school-video",
        "校园视频查看",
        "School video viewing",
        Theme.SAFETY,
        ServiceKind.QUERY,
        department="education",
        identity_level=2,
    ),
    Service(
        59,
        "emergency-alerts",
        "应急预警订阅",
        "Emergency alert subscription",
        Theme.SAFETY,
        ServiceKind.SUBSCRIPTION,
        department="emergency",
        identity_level=1,
    ),
    Service(
        60,
        "shelter-lookup",
        "应急避难场所查询",
        "Emergency shelter lookup",
        Theme.SAFETY,
        ServiceKind.QUERY,
        department="emergency",
        identity_level=0,
    ),
)

MANIFEST = Manifest(name="safety", services=_SERVICES)
