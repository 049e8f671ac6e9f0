"""The fake city of the payment tests serves the bills' tests too."""

from tests.payments.conftest import billers, partner, psp, upstreams, world

__all__ = ["billers", "partner", "psp", "upstreams", "world"]
