"""That a request comes from the device whose key a session is bound to: a DPoP proof (RFC 9449)."""

from core.context.app import App
from core.database import Transaction, idempotency
from core.standards.dpop import read_proof
from core.standards.jose import InvalidToken

_USES = "quancheng-device-proof"


def address_of(app: App) -> str:
    """What a proof names as `htu`: the address that the app sends its operations to."""
    return f"{app.settings.base_url}/graphql"


async def key_of(app: App, tx: Transaction, proof: str | None) -> str | None:
    """The thumbprint (RFC 7638) of the key that made a proof for us just now; None for what is no
    proof, or was used before. It counts as used when `tx` commits."""
    try:
        found = read_proof(
            [] if proof is None else [proof],
            method="POST",
            url=address_of(app),
            now=app.clock.now(),
        )
    except InvalidToken:
        return None
    is_first = await idempotency.use_once(app.clock, tx, _USES, found.use_key)
    return found.thumbprint if is_first else None
