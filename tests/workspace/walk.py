"""A person at the pages: opens them, fills in their forms, and reads what they say."""

import re
from dataclasses import dataclass
from html import unescape
from uuid import UUID

import httpx

ALL_TOLD = ["available", "cost_sharing", "one_practitioner", "may_stop", "sharing"]


@dataclass(frozen=True)
class Walker:
    """A browser on one patient's page."""

    browser: httpx.AsyncClient
    patient_id: UUID

    @property
    def home(self) -> str:
        """The page's address."""
        return f"/patients/{self.patient_id}"

    async def page(self, query: str = "") -> str:
        """Return the page as text, in one line."""
        answer = await self.browser.get(self.home + query)
        assert answer.status_code == 200, answer.text[:500]
        return plain(answer.text)

    async def send(self, form: str, **values: str | list[str]) -> httpx.Response:
        """Send a form of the page."""
        return await self.browser.post(f"{self.home}/{form}", data=values)

    async def done(self, form: str, **values: str | list[str]) -> str:
        """Send a form that must be accepted; return the page that follows."""
        answer = await self.send(form, **values)
        assert answer.status_code == 303, faults(answer.text) or answer.text[:500]
        assert answer.headers["location"] == self.home
        return await self.page()

    async def refused(self, form: str, **values: str | list[str]) -> str:
        """Send a form that must be refused; return the page that shows it again, as HTML."""
        answer = await self.send(form, **values)
        assert answer.status_code == 422
        return answer.text


def plain(html: str) -> str:
    """Return a page's words."""
    body = re.sub(r"<(script|style|option)\b.*?</\1>", " ", html, flags=re.DOTALL)
    return unescape(" ".join(re.sub(r"<[^>]+>", " ", body).split()))


def faults(html: str) -> list[str]:
    """Return what a page says is wrong, field by field."""
    found = re.findall(r'<p class="fault"[^>]*>(.*?)</p>', html, flags=re.DOTALL)
    return [plain(one) for one in found]


def value_of(html: str, field_id: str) -> str:
    """Return what stands in an input of a page."""
    tag = re.search(rf'<input[^>]*\bid="{re.escape(field_id)}"[^>]*>', html)
    assert tag, f"no field {field_id}"
    value = re.search(r'\bvalue="([^"]*)"', tag[0])
    return unescape(value[1]) if value else ""
