"""The systems of the example services; only a sandbox that is asked for examples has them."""

from sandbox.server.system import System
from sandbox.systems._example import payment, query, subscription

SYSTEMS: tuple[System, ...] = (*query.SYSTEMS, *subscription.SYSTEMS, *payment.SYSTEMS)
