"""Which addresses of the network are somebody's on the Internet."""

from collections.abc import Callable
from ipaddress import IPv6Address, ip_address

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


def is_public_or_here(address: str) -> bool:
    """The same with this machine, where the sandbox city's systems are: for development alone."""
    return ip_address(address.partition("%")[0]).is_loopback or is_public(address)


def rule_for(is_production: bool) -> AddressRule:
    """Where strangers' addresses may lead."""
    return is_public if is_production else is_public_or_here
