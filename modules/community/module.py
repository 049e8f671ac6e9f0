"""The manifest of community."""

from core.manifest import Manifest, Service, ServiceKind, ServiceStatus, Theme

_SERVICES = (
    Service(
        33,
        "snap-report",
        "随手拍上报",
        "Snap report",
        Theme.COMMUNITY,
        ServiceKind.REPORT,
        department="city_management",
        identity_level=1,
    ),
    Service(
        34,
        "snap-report-progress",
        "随手拍进度反馈",
        "Snap report progress",
        Theme.COMMUNITY,
        ServiceKind.QUERY,
        department="city_management",
        identity_level=1,
    ),
    Service(
        35,
        "grid-lookup",
        "我的网格查询",
        "My grid lookup",
        Theme.COMMUNITY,
        ServiceKind.QUERY,
        department="grid_office",
        identity_level=0,
    ),
    Service(
        36,
        "hotline-12345",
        "12345诉求提交",
        "12345 hotline request",
        Theme.COMMUNITY,
        ServiceKind.REPORT,
        department="hotline",
        identity_level=1,
    ),
    Service(
        55,
        "venue-booking",
        "文体场馆预约",
        "Culture and sports venue booking",
        Theme.LOVE_CITY,
        ServiceKind.APPOINTMENT,
        department="culture_tourism",
        identity_level=1,
        for_others=True,
        status=ServiceStatus.LIVE,
    ),
)

MANIFEST = Manifest(name="community", services=_SERVICES)
