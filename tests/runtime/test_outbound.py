"""Nothing but what was named is reached: hosts, ports, schemes, and the addresses behind a name."""

import pytest

from caretide.kernel.errors import Invalid, Unavailable
from caretide.runtime.outbound import Reach, Resolve, Target, addresses_of, ask, ask_named, checked, is_public

HOST = "hooks.example"

pytestmark = pytest.mark.req("V-03")


def names(*addresses: str) -> Resolve:
    async def resolve(host: str, port: int) -> list[str]:
        return list(addresses)

    return resolve


PRIVATE = [
    *("127.0.0.1", "127.8.9.1", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254"),  # noqa: S104 - refused, not bound to
    *("100.64.0.1", "192.0.0.1", "192.0.2.1", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255"),
    *("::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "ff02::1", "2001:db8::1"),
    *("::ffff:127.0.0.1", "::ffff:169.254.169.254", "::ffff:a00:1", "64:ff9b::7f00:1", "2002:7f00:1::", "::127.0.0.1"),
    *("fec0::1", "fec0::ffff:1", "192.0.0.8", "192.0.0.9", "192.88.99.1", "3fff::1"),
    *("not an address", ""),
]


@pytest.mark.parametrize("address", PRIVATE)
async def test_private_address_is_refused_however_it_is_written(address: str) -> None:
    assert not is_public(address)
    with pytest.raises(Invalid):
        await checked(f"https://{HOST}/", [HOST], resolve=names(address))
    # One private address among public ones is enough: the next look-up could give it first.
    with pytest.raises(Invalid):
        await checked(f"https://{HOST}/", [HOST], resolve=names("93.184.216.34", address))


URLS = [
    *(
        "http://hooks.example/",
        "ftp://hooks.example/",
        "file:///etc/passwd",
        "gopher://hooks.example/",
        "//hooks.example",
    ),
    *("https://elsewhere.example/", "https://hooks.example.elsewhere.example/", "https://xhooks.example/"),
    *(
        "https://hooks.example@elsewhere.example/",
        "https://elsewhere.example#@hooks.example/",
        "https://a:b@hooks.example/",
    ),
    *("https://hooks.example:22/", "https://hooks.example:0x1bb/", "https://hooks.example:99999/", "https://[::1/"),
    *("https://hooks.example\\@elsewhere.example/", "https://hooks.example/\r\nx: y", "https://hooks.example/ x"),
    *("https://127.0.0.1/", "https://2130706433/", "https://0x7f.1/", "https://localhost/", "https://[::1]/", ""),
    "https://hooks\u3002example/",
]


@pytest.mark.parametrize("url", URLS)
async def test_other_place_is_refused(url: str) -> None:
    with pytest.raises(Invalid, match="may not be reached"):
        await checked(url, [HOST], resolve=names("93.184.216.34"))


@pytest.mark.parametrize("host", ["127.1", "2130706433", "0x7f.1", "017700000001", "127.0.0.1"])
async def test_number_that_is_a_loopback_address_is_refused_though_it_was_named(host: str) -> None:
    with pytest.raises((Invalid, Unavailable)):
        await checked(f"https://{host}/", [host], resolve=addresses_of)


async def test_named_host_is_reached_at_the_address_that_was_looked_at() -> None:
    asked: list[str] = []

    async def changing(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["93.184.216.34"] if len(asked) == 1 else ["127.0.0.1"]

    target = await checked(f"https://{HOST.upper()}/in?x=1", [HOST], resolve=changing)
    # A name that changes its mind after the look is not asked again.
    assert target == Target(HOST, 443, "93.184.216.34", "/in?x=1")
    assert asked == [HOST]


async def test_operators_own_host_may_be_private() -> None:
    allowed = ["kms.internal:8443", "login.internal", "[fd00::7]:636"]
    target = await checked("https://kms.internal:8443/", allowed, is_operators=True, resolve=names("10.0.0.9"))
    assert (target.address, target.port) == ("10.0.0.9", 8443)
    target = await checked("https://LOGIN.internal/", allowed, is_operators=True, resolve=names("10.0.0.8"))
    assert (target.address, target.port) == ("10.0.0.8", 443)
    target = await checked("https://[fd00::7]:636/", allowed, is_operators=True, resolve=names("fd00::7"))
    assert (target.host, target.port) == ("fd00::7", 636)


@pytest.mark.parametrize(
    "url",
    [
        *("https://login.internal:8443/", "https://login.internal:22/", "https://kms.internal/"),
        *("https://kms.internal:8444/", "http://kms.internal:8443/", "http://login.internal:443/"),
    ],
)
async def test_operators_host_is_reached_at_its_named_port_and_443_without_one(url: str) -> None:
    allowed = ["kms.internal:8443", "login.internal"]
    with pytest.raises(Invalid, match="may not be reached"):
        await checked(url, allowed, is_operators=True, resolve=names("10.0.0.9"))
    with pytest.raises(Invalid, match="may not be reached"):
        await ask_named(Reach(frozenset(allowed)), "GET", url.replace("https://kms.internal/", "https://127.0.0.1/"))


async def test_no_answer_is_said_without_the_address(unused_tcp_port: int) -> None:
    with pytest.raises(Unavailable, match="does not answer"):
        await ask("GET", Target(HOST, unused_tcp_port, "127.0.0.1", "/secret"))
