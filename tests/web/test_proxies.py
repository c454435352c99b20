"""What proxies say is believed of named ones, and of nobody else."""

import os

import pytest
from starlette.types import Message, Receive, Scope, Send

from caretide.kernel.errors import Invalid
from caretide.runtime.gate import AccessGate, Site, believed
from caretide.settings import Settings, load_settings, unknown_variables

PROXY = "10.0.0.5"
SITE = Site.of("https://care.example", "production", ("10.0.0.0/24", "192.0.2.1"))


def asked(client: str, *headers: tuple[str, str]) -> Scope:
    lines = [(name.encode(), value.encode()) for name, value in headers]
    return {"type": "http", "client": (client, 1234), "headers": lines, "method": "GET", "path": "/"}


def sender(client: str, *forwarded: str) -> str:
    return believed(asked(client, *(("X-Forwarded-For", one) for one in forwarded)), SITE)["client"][0]


@pytest.mark.req("V-10")
@pytest.mark.parametrize(
    ("client", "forwarded", "expected"),
    [
        ("198.51.100.7", (), "198.51.100.7"),
        ("198.51.100.7", ("203.0.113.9",), "198.51.100.7"),
        (PROXY, (), PROXY),
        (PROXY, ("203.0.113.9",), "203.0.113.9"),
        (PROXY, ("1.1.1.1, 203.0.113.9",), "203.0.113.9"),
        (PROXY, ("1.1.1.1", "203.0.113.9"), "203.0.113.9"),
        (PROXY, ("203.0.113.9, 192.0.2.1, 10.0.0.9",), "203.0.113.9"),
        (PROXY, ("2001:db8::7",), "2001:db8::7"),
        (PROXY, ("203.0.113.9, nonsense",), PROXY),
        (PROXY, ("' OR 1=1 --",), PROXY),
        (PROXY, (" , ,",), PROXY),
        (PROXY, ("10.0.0.7",), "10.0.0.7"),
    ],
)
def test_sender_is_the_last_address_that_is_no_proxies(client: str, forwarded: tuple[str, ...], expected: str) -> None:
    assert sender(client, *forwarded) == expected


@pytest.mark.req("V-10")
async def test_nothing_further_in_sees_what_was_forwarded() -> None:
    seen: list[Scope] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope)

    async def nothing() -> Message:
        return {"type": "http.request"}

    async def sent(message: Message) -> None:
        return

    forwarded = [("X-Forwarded-Host", "evil.example"), ("X-Forwarded-Proto", "http"), ("X-Original-URL", "/admin")]
    more = [("Forwarded", "for=1.1.1.1"), ("X-Real-IP", "1.1.1.1"), ("host", "care.example"), ("accept", "*/*")]
    for client in (PROXY, "198.51.100.7"):
        await AccessGate(app, SITE)(asked(client, *forwarded, *more), nothing, sent)
    assert [scope["headers"] for scope in seen] == [[(b"host", b"care.example"), (b"accept", b"*/*")]] * 2


def test_proxies_are_a_list_of_addresses_and_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CARETIDE_PROXIES", "10.0.0.0/24, 192.0.2.1")
    assert load_settings().proxies == ("10.0.0.0/24", "192.0.2.1")
    monkeypatch.setenv("CARETIDE_PROXIES", "everybody")
    with pytest.raises(Invalid, match="CARETIDE_PROXIES: must be addresses"):
        load_settings()


@pytest.mark.req("V-18")
def test_unknown_variable_is_named_and_refused_in_production(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("CARETIDE_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("CARETIDE_BASE_URI", "https://care.example")
    assert unknown_variables() == ["CARETIDE_BASE_URI"]
    assert load_settings().mode == "development"
    with pytest.raises(Invalid, match="CARETIDE_BASE_URI is not a setting"):
        load_settings(mode="production")
    monkeypatch.delenv("CARETIDE_BASE_URI")
    assert isinstance(load_settings(mode="production"), Settings)
