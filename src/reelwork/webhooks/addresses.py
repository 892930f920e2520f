"""Which addresses a webhook may go to: those of the public internet, and nothing that is near this machine.

A client names the URL. Without this check it could have the service call what only the service can reach:
a database on loopback, a router, the metadata of a cloud's machine at 169.254.169.254.
"""

import socket
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Address = IPv4Address | IPv6Address

_GLOBAL_UNICAST = IPv6Network("2000::/3")
# In it, and yet no address of one machine: Teredo, ORCHID and other protocols; examples; 6to4, which carries
# any IPv4 address inside.
_NOT_PUBLIC_6 = tuple(map(IPv6Network, ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")))
_NAT64 = IPv6Network("64:ff9b::/96")
# Beside what ``is_global`` knows, which depends on the version of Python.
_NOT_PUBLIC_4 = tuple(map(IPv4Network, ("192.0.0.0/24", "192.88.99.0/24", "198.18.0.0/15", "240.0.0.0/4")))


def is_public(address: Address) -> bool:
    """Tell whether an address is one of the public internet.

    >>> is_public(ip_address("9.9.9.9")), is_public(ip_address("::ffff:9.9.9.9")), is_public(ip_address("10.0.0.1"))
    (True, False, False)
    """
    if isinstance(address, IPv6Address):
        if address in _NAT64:  # where there is no IPv4 all of it is reached through these
            return is_public(IPv4Address(int(address) & 0xFFFF_FFFF))
        return address in _GLOBAL_UNICAST and not any(address in network for network in _NOT_PUBLIC_6)
    return address.is_global and not address.is_multicast and not any(address in network for network in _NOT_PUBLIC_4)


def literal(host: str) -> Address | None:
    """Return the address that a host is written as, in any of the forms resolvers take; None if it is a name.

    >>> literal("0x7f.1")
    IPv4Address('127.0.0.1')
    """
    try:
        return ip_address(host.strip("[]"))
    except ValueError:
        pass
    try:
        return IPv4Address(socket.inet_aton(host))
    except OSError:
        return None


def resolve(host: str, port: int) -> list[Address]:
    """Return every address of a host.

    Raises:
        OSError: It has none, or nobody says.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(ip_address(sockaddr[0]) for *_, sockaddr in found))
