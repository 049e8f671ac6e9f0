"""When a webhook is tried again, and where it may never go."""

from collections.abc import Callable
from datetime import timedelta
from ipaddress import IPv6Address, ip_address

LADDER = tuple(
    timedelta(seconds=seconds)
    for seconds in (
        5,
        5 * 60,
        30 * 60,
        2 * 3600,
        5 * 3600,
        10 * 3600,
        14 * 3600,
        20 * 3600,
        24 * 3600,
    )
)
"""The waits between attempts as the specification recommends them ("Retry schedule"): the first
attempt is at once, the last after 75 hours and a half."""

AddressRule = Callable[[str], bool]


def is_public(address: str) -> bool:
    """Whether an address of the network is somebody's on the Internet: not private, loopback,
    link-local (169.254.169.254), multicast or reserved, also not as an IPv6 form of one."""
    ip = ip_address(address.partition("%")[0])
    if isinstance(ip, IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if inner is not None:
            return is_public(str(inner))
    return ip.is_global and not ip.is_multicast


def next_wait(attempts: int) -> timedelta | None:
    """How long to wait after so many attempts; None when it was the last."""
    return LADDER[attempts - 1] if attempts <= len(LADDER) else None
