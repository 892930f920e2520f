"""Which addresses are of the public internet, and which only look so."""

from ipaddress import ip_address

import pytest

from reelwork.webhooks.addresses import is_public, literal, resolve

PUBLIC = ["9.9.9.9", "1.1.1.1", "223.255.255.254", "2606:4700::1111", "2a00:1450:4001::1", "64:ff9b::909:909"]
NEAR = [
    *("0.0.0.0", "10.1.2.3", "100.64.0.1", "127.0.0.1", "127.255.255.254", "169.254.169.254", "172.16.0.1"),
    *("192.0.0.9", "192.0.2.1", "192.88.99.1", "192.168.0.1", "198.18.0.1", "198.51.100.1", "203.0.113.1"),
    *("224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255"),
    *("::", "::1", "::ffff:127.0.0.1", "::ffff:9.9.9.9", "::9.9.9.9", "fe80::1", "fe80::1%eth0", "fec0::1"),
    *("fc00::1", "fd00:ec2::254", "ff02::1", "100::1", "5f00::1"),
    # An IPv4 address inside: NAT64, 6to4, Teredo.
    *("64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "2002:7f00:1::", "2001:0:7f00:1::", "2001:db8::1"),
]


@pytest.mark.parametrize("address", PUBLIC)
def test_public(address: str) -> None:
    assert is_public(ip_address(address))


@pytest.mark.parametrize("address", NEAR)
def test_not_public(address: str) -> None:
    assert not is_public(ip_address(address))


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("127.1", "127.0.0.1"),
        ("0x7f.1", "127.0.0.1"),
        ("0177.0.0.1", "127.0.0.1"),
        ("2130706433", "127.0.0.1"),
        ("[::1]", "::1"),
        ("::1", "::1"),
    ],
)
def test_addresses_in_every_spelling(host: str, address: str) -> None:
    assert literal(host) == ip_address(address)


@pytest.mark.parametrize("host", ["example.com", "localhost", "1.2.3.4.example.com", ""])
def test_names_are_no_addresses(host: str) -> None:
    assert literal(host) is None


def test_every_address_of_a_name_is_found() -> None:
    found = resolve("localhost", 80)
    assert found
    assert all(address.is_loopback for address in found)
