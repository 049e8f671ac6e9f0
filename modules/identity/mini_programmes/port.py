"""What signing in needs of a platform with mini-programmes, whatever its wire: a code that the
platform gave our mini-programme goes in, whom it knows comes out.

Nothing of a platform's form is outside its own file. An adapter is declared in a room and found by
its type; a city without an app id there, or without the platform's address, does without it.
"""

import base64
import binascii
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from core.context.app import App
from core.deadline import Deadline
from core.rooms import ExtensionPoint
from core.security.credential_tables import Tables, read_tables
from modules.identity.domain import Platform

FILE = "mini_programmes.toml"
SANDBOX: Tables = {
    "wechat": {
        "app_id": "wx0000000000000001",
        "secret": "sandbox-mini-programme",
        "push_token": "sandbox",
        "push_key": "sandbox" + "0" * 36,
    },
    "alipay": {
        "app_id": "2021000000000001",
        "private_key_file": "alipay_merchant_private.pem",
        "platform_key_file": "alipay_platform_public.pem",
        "content_key": base64.b64encode(b"sandbox-content!").decode(),
    },
}
"""The sandbox's, worth nothing elsewhere."""


@dataclass(frozen=True, slots=True, repr=False)
class Known:
    """Whom a platform knows. `subject` is its name for them in our mini-programme, `union` the one
    in all of its owner's; `phone` is the number it has for them, as it writes it, where a proof was
    asked about."""

    subject: str
    union: str | None
    phone: str | None


@dataclass(frozen=True, slots=True, repr=False)
class Revocation:
    """That somebody, by the platform's name for them in our app, took back at a moment what let our
    app know them."""

    platform: Platform
    app_id: str
    subject: str
    revoked_at: datetime


class NotAccepted(Exception):
    """The platform takes a code or a proof no more, never gave it, or gave it to others."""


@dataclass(frozen=True, slots=True)
class MiniProgramme:
    """Our mini-programme on a platform.

    `ask(app, deadline, code, phone_proof)` spends the code. Raises NotAccepted, and UpstreamError
    where nothing was heard or the platform finds fault with ourselves.
    """

    platform: Platform
    system: str
    ask: Callable[[App, Deadline, str, str | None], Awaitable[Known]]

    def app_id(self, app: App) -> str | None:
        """Our app there; None where this city has none."""
        if app.upstreams.find_address(self.system) is None:
            return None
        return credentials_of(app, self.platform).get("app_id")


MINI_PROGRAMMES = ExtensionPoint("mini-programme", MiniProgramme, key=lambda one: one.platform)


def credentials_of(app: App, platform: Platform) -> Mapping[str, str]:
    """The platform's table of `keys/mini_programmes.toml`, empty where it has none; in development
    the sandbox's. Raises StartError for a malformed file."""
    own: Tables = {} if app.settings.is_production else SANDBOX
    tables = app.once(FILE, lambda: {**own, **read_tables(app.settings.keys_path, FILE)})
    return tables.get(platform.lower(), {})


def content_key(credentials: Mapping[str, str]) -> bytes:
    """The key that contents for our app are encrypted with. Raises ValueError for what is none."""
    try:
        return base64.b64decode(credentials["content_key"], validate=True)
    except (KeyError, binascii.Error):
        raise ValueError("content_key") from None
