"""Who is whom on the platforms of mini-programmes.

A device's token is known to the device alone. A person's name on a platform is no secret, so that
somebody who registers it has to be linked with it; the wing that links them declares how to ask.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from uuid import UUID

from core.context.app import App
from core.database import Transaction
from core.rooms import ExtensionPoint


@dataclass(frozen=True, slots=True)
class PlatformUsers:
    """Whose the names on one platform are.

    `owns(app, tx, person_id, name)`: whether the name is linked with the person's account, which
    stays so until `tx` ends. `provider` sends messages to these names.
    """

    provider: str
    owns: Callable[[App, Transaction, UUID, str], Awaitable[bool]]


PLATFORM_USERS = ExtensionPoint(
    "users of platforms", PlatformUsers, key=lambda users: users.provider
)


async def owns(app: App, tx: Transaction, person_id: UUID, provider: str, name: str) -> bool:
    """Whether a name on a provider's platform is linked with a person's account."""
    known = {users.provider: users for users in app.extensions(PLATFORM_USERS)}
    return provider in known and await known[provider].owns(app, tx, person_id, name)
