"""Walks through the product for a guide, keeps the pictures that it shows, and remembers every word it saw."""

from dataclasses import dataclass, field
from pathlib import Path

from playwright.async_api import Page

IMAGES = Path(__file__).parents[2] / "docs" / "guide" / "images"

_WORDS = """() => {
  const said = [...document.querySelectorAll("[aria-label], [placeholder], [title]")]
    .flatMap((each) => ["aria-label", "placeholder", "title"].map((name) => each.getAttribute(name) || ""));
  return [document.body.textContent, ...said].join(" ");
}"""


@dataclass
class Camera:
    """`seen` is the text of every page that was shown, in lower case and with single spaces."""

    page: Page
    keep: bool
    shown: list[str] = field(default_factory=list[str])
    seen: str = ""

    async def look(self) -> None:
        """Remember what the page says."""
        words: str = await self.page.evaluate(_WORDS)
        self.seen += " " + " ".join(words.lower().split())

    async def show(self, name: str) -> None:
        """Remember what the page says, and keep its picture for the guide."""
        await self.look()
        self.shown.append(name)
        if self.keep:
            await self.page.wait_for_timeout(400)
            # Hiding the caret would write a style that the content policy refuses.
            await self.page.screenshot(path=IMAGES / f"{name}.png", caret="initial")
