"""Which addresses of the network are somebody's on the Internet."""

from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

AddressRule = Callable[[str], bool]

_UNICAST = IPv6Network("2000::/3")
"""All that is given out of IPv6 (RFC 4291, 2.4); Python takes the rest for global until told."""
_NAT64 = IPv6Network("64:ff9b::/96")
"""An address of IPv4 is its last 32 bits (RFC 6052)."""


def is_public(address: str) -> bool:
    """Whether an address of the network is somebody's on the Internet: not private, loopback,
    link-local (169.254.169.254), multicast or reserved, also not as an IPv6 form of one."""
    ip = ip_address(address.partition("%")[0])
    if isinstance(ip, IPv6Address):
        inner = _inner(ip)
        if inner is not None:
            return is_public(str(inner))
        if ip not in _UNICAST:
            return False
    return ip.is_global and not ip.is_multicast


def is_public_or_here(address: str) -> bool:
    """The same with this machine, where the sandbox city's systems are: for development alone."""
    return ip_address(address.partition("%")[0]).is_loopback or is_public(address)


def rule_for(is_production: bool) -> AddressRule:
    """Where strangers' addresses may lead."""
    return is_public if is_production else is_public_or_here


def _inner(ip: IPv6Address) -> IPv4Address | None:
    """The address of IPv4 to which one of IPv6 leads."""
    if ip in _NAT64:
        return IPv4Address(ip.packed[-4:])
    return ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
