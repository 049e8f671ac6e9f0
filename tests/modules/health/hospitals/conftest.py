"""The hospitals, clinics and till of the booking engine's tests."""

from tests.kinds.booking.conftest import clinics, hospitals, psp, till, upstreams

__all__ = ["clinics", "hospitals", "psp", "till", "upstreams"]
