"""The manifest of property."""

from core.manifest import Manifest, Service, ServiceKind, ServiceStatus, Theme

_SERVICES = (
    Service(
        51,
        "real-estate-appointment",
        "不动产登记预约",
        "Real-estate registration appointment",
        Theme.LOVE_CITY,
        ServiceKind.APPOINTMENT,
        department="natural_resources",
        identity_level=2,
        for_others=True,
        status=ServiceStatus.LIVE,
    ),
    Service(
        52,
        "real-estate-query",
        "不动产登记信息查询",
        "Real-estate registration query",
        Theme.LOVE_CITY,
        ServiceKind.QUERY,
        department="natural_resources",
        identity_level=2,
    ),
)

MANIFEST = Manifest(name="property", services=_SERVICES)
