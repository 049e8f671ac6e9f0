"""The manifest of environment."""

from core.manifest import Manifest, Service, ServiceKind, Theme

_SERVICES = (
    Service(
        56,
        "spring-air-quality",
        "泉水水位与空气质量",
        "Spring level and air quality",
        Theme.LOVE_CITY,
        ServiceKind.QUERY,
        department="water_environment",
        identity_level=0,
    ),
)

MANIFEST = Manifest(name="environment", services=_SERVICES)
