"""Identity's housekeeping."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from core.context.app import App
from modules.identity import store

_KEPT = timedelta(days=1)


async def forget_codes(app: App, _payload: Mapping[str, Any]) -> None:
    """Drop login codes that ended more than a day ago."""
    await store.delete_expired_codes(app.clock.now() - _KEPT)
