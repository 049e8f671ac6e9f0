"""Where providers tell us what became of messages."""

import structlog
from prometheus_client import Counter
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from core.context.app import App
from core.context.contributions import Routes
from core.context.http import read_body
from core.database import transaction
from notifications.channels import sms
from notifications.messages import receipts

BODY_MAX_BYTES = 256_000
RECEIPTS_MAX = 1_000
SIGNATURE = "X-Signature"

log = structlog.get_logger(__name__)


def routes(app: App) -> list[Route]:
    """One address for each gateway that confirms."""
    receipts = Counter(
        "quancheng_notifications_receipts",
        "Receipts of providers by what became of them.",
        ("provider", "outcome"),
        registry=app.metrics.registry,
    )

    def route(provider: str) -> Route:
        async def hear(request: Request) -> Response:
            outcome, status = await _hear(app, provider, request)
            receipts.labels(provider, outcome).inc()
            if status != 204:
                log.warning("receipts refused", provider=provider, outcome=outcome)
            return Response(status_code=status)

        return Route(f"/callbacks/notifications/{provider}", hear, methods=["POST"])

    return [route(each.name) for each in (sms.GATEWAY_PROVIDER, sms.BACKUP_PROVIDER)]


async def _hear(app: App, provider: str, request: Request) -> tuple[str, int]:
    body = await read_body(request, BODY_MAX_BYTES)
    if body is None:
        return "too_large", 413
    try:
        found = sms.read_receipts(app, provider, body, request.headers.get(SIGNATURE))
    except ValueError:
        return "malformed", 400
    if found is None:
        return "signature", 401
    if len(found) > RECEIPTS_MAX:
        return "too_large", 413
    async with transaction() as tx:
        early = await receipts.hear(tx, found, app.clock.now())
    return ("early" if early else "applied"), 204


ROUTES = Routes(routes)
