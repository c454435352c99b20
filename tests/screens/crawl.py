"""Follows every link of the product, as a person would who tries everything once."""

import re
from collections import Counter
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlsplit

from tests.screens.house import House, Look

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
MONTH = re.compile(r"\b20\d\d-\d\d\b")
OF_A_KIND = 2
"""Pages of one kind that are opened: the second patient's page is worth a look, the hundredth is not."""


@dataclass
class Found:
    """What a walk came across: one address for each sight of a page, and what was wrong."""

    pages: dict[str, str] = field(default_factory=dict[str, str])
    wrong: list[str] = field(default_factory=list[str])


def kind(address: str) -> str:
    """Return what an address leads to, whoever and whenever it is about."""
    parts = urlsplit(address)
    path = MONTH.sub("{month}", UUID.sub("{id}", parts.path))
    names = sorted({name for name, _ in parse_qsl(parts.query, keep_blank_values=True)})
    if path.endswith(("/audit", "/audit.csv")):
        # Every field narrows the list of events, and each link of an event does: they all look like the list.
        names = []
    return path + (f"?{'&'.join(names)}" if names else "")


def sight(address: str) -> str:
    """Return what there is to look at under an address: another order or part of a list looks like the first."""
    path, _, names = kind(address).partition("?")
    kept = [name for name in names.split("&") if name not in {"", "sort", "page"}]
    return path + (f"?{'&'.join(kept)}" if kept else "")


async def crawl(look: Look, house: House, start: str = "/", limit: int = 80) -> Found:
    """Follow every link from a page on; return one address of each sight, and every fault on the way."""
    found, opened, seen = Found(), Counter[str](), {start}
    waiting = [start]
    while waiting and len(seen) < limit * 20:
        address = waiting.pop(0)
        what = kind(address)
        if opened[what] >= OF_A_KIND or sum(opened.values()) >= limit:
            continue
        opened[what] += 1
        for link in await _visit(look, house, address, found):
            if link not in seen:
                seen.add(link)
                waiting.append(link)
    return found


async def _visit(look: Look, house: House, address: str, found: Found) -> list[str]:
    page = look.page
    head = await page.request.get(house.address + address)
    if not head.ok:
        found.wrong.append(f"{address}: {head.status}")
        return []
    if not head.headers.get("content-type", "").startswith("text/html"):
        found.pages.setdefault(sight(address), "")
        return []
    await page.goto(address)
    found.pages.setdefault(sight(urlsplit(page.url)._replace(scheme="", netloc="").geturl()), address)
    found.wrong += [f"{address}: {one}" for one in await page.evaluate(_EMPTY)]
    found.wrong += [f"{address}: no target for #{one}" for one in await page.evaluate(_NO_TARGET)]
    links: list[str] = await page.evaluate(_LINKS)
    return links


_LINKS = """() => [...document.querySelectorAll("a[href]")]
  .map((each) => new URL(each.getAttribute("href"), location.href))
  .filter((each) => each.origin === location.origin)
  .map((each) => each.pathname + each.search)"""

_NO_TARGET = """() => [...document.querySelectorAll("a[href^='#']")]
  .map((each) => each.getAttribute("href").slice(1))
  .filter((each) => each && !document.getElementById(each))"""

_EMPTY = """() => {
  const main = document.querySelector("main");
  const faults = [];
  if (!document.querySelector("h1")) faults.push("no heading");
  if (!main || main.innerText.trim().length < 40) faults.push("an empty page");
  if (document.documentElement.scrollWidth > innerWidth) faults.push("scrolls sideways");
  if (!document.title.includes("Caretide")) faults.push("no title");
  return faults;
}"""
