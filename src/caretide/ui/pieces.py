"""Pieces that a page shows by the hundred, drawn here: a call of a Jinja macro takes ten times as long as a function.

The templates offer them under the names of macros (`ui/basics.html`, `ui/charts.html`).
"""

from collections.abc import Callable, Iterable
from functools import cache
from typing import Any, Final, Protocol

from markupsafe import Markup, escape

from caretide.ui.charts import WIDTH, BarChart, MonthBar, Spark
from caretide.ui.forms import FormState, Option

_TONES: Final = {"good": "check-circle", "warn": "warn", "bad": "block", "info": "info", "neutral": "clock"}
_HATCH: Final = 12
"""From one line of the hatching to the next, in drawing units."""


class Coded(Protocol):
    """A code with its units."""

    @property
    def code(self) -> str:
        """The code."""
        ...

    @property
    def units(self) -> int:
        """How often it is claimed."""
        ...


def pieces(asset: Callable[[str], str]) -> dict[str, Callable[..., Any]]:
    """Return the pieces by name; `asset` gives a static file's address."""

    @cache
    def icon(name: str, size: str = "") -> Markup:
        sized = f" icon-{size}" if size else ""
        return Markup('<svg class="icon{}" aria-hidden="true" focusable="false"><use href="{}#{}"></use></svg>').format(
            sized, asset("icons.svg"), name
        )

    @cache
    def tone_icon(tone: str, size: str = "") -> Markup:
        return icon(_TONES[tone], size)

    drawn: dict[str, Callable[..., Any]] = {"draw_icon": icon, "draw_tone_icon": tone_icon}
    return drawn | {
        "draw_choices": choices,
        "draw_code_chips": code_chips,
        "draw_month_bar": month_bar,
        "draw_options": options,
        "draw_row_link": row_link,
        "draw_spark": spark,
        "draw_stacked": stacked,
    }


def options(choices: Iterable[Option], form: FormState, name: str, otherwise: str = "") -> Markup:
    """Draw the options of a select: chosen is what the form was sent with, or else `otherwise`."""
    drawn = (
        f'<option value="{escape(one.value)}"{" selected" if form.chose(name, one.value, otherwise) else ""}>'
        f"{escape(one.label)}</option>"
        for one in choices
    )
    return Markup("\n".join(drawn))  # noqa: S704 - every part is escaped above


def choices(found: Iterable[Option], chosen: str) -> Markup:
    """Draw the options of a filter, which carries no faults: hundreds where a tenant has as many coordinators."""
    drawn = (
        f'<option value="{escape(one.value)}"{" selected" if one.value == chosen else ""}>{escape(one.label)}</option>'
        for one in found
    )
    return Markup("".join(drawn))  # noqa: S704 - every part is escaped above


def row_link(href: str, text: str, sub: str = "") -> Markup:
    """Draw the link of a row, with a second line below it."""
    below = f'<span class="row-sub">{escape(sub)}</span>' if sub else ""
    link = f'<a class="row-link" href="{escape(href)}">{escape(text)}</a>{below}'
    return Markup(link)  # noqa: S704 - every part is escaped above


def code_chips(codes: Iterable[Coded]) -> Markup:
    """Draw codes with their units, as in "99439 × 2"."""
    drawn = (
        f'<span class="chip chip-reached">{escape(one.code)}{f" × {one.units}" if one.units > 1 else ""}</span>'
        for one in codes
    )
    return Markup(f'<span class="chips">{"".join(drawn)}</span>')  # noqa: S704 - every part is escaped above


def spark(line: Spark) -> Markup:
    """Draw a line as long as a word."""
    path = line.line
    return Markup(  # noqa: S704 - numbers of ours, and a label that is escaped
        '<svg class="spark" viewBox="0 -20 1000 340" preserveAspectRatio="none" role="img"'
        f' aria-label="{escape(line.label)}"><path class="spark-area" d="{line.closed(path)}"></path>'
        f'<path class="line line-1" d="{path}"></path></svg>'
    )


def stacked(chart: BarChart) -> Markup:
    """Draw the parts of a panel, a chart with one bar; read aloud as figures."""
    [bar] = chart.bars
    told = ", ".join(f"{name} {value}" for name, value in zip(chart.series, bar.values, strict=True))
    parts = (
        f'<rect class="series-{tone}" x="{x}" width="{width}" height="8"></rect>'
        for x, width, tone in chart.pieces(bar)
    )
    return Markup(  # noqa: S704 - numbers of ours, and a label that is escaped
        f'<svg class="month-bar team-bar" viewBox="0 0 {WIDTH} 8" preserveAspectRatio="none" role="img"'
        f' aria-label="{escape(told) if bar.total else "Nobody yet"}">'
        f'<rect class="track" width="{WIDTH}" height="8"></rect>{"".join(parts)}</svg>'
    )


def month_bar(bar: MonthBar, *, large: bool = False) -> Markup:
    """Draw the seconds that count, with a tick at every threshold; hatched where time does not count."""
    fill, tail = bar.fill, bar.tail
    parts = [
        f'<svg class="month-bar{" month-bar-large" if large else ""}" viewBox="0 0 {WIDTH} 8"',
        f' preserveAspectRatio="none" role="img" aria-label="{escape(bar.label)}">',
        f'<rect class="track" width="{WIDTH}" height="8"></rect>',
    ]
    if fill:
        parts.append(f'<rect class="fill-{min(bar.reached, 3)}" width="{fill}" height="8"></rect>')
    if tail:
        parts.append(f'<rect class="tail" x="{fill}" width="{tail}" height="8"></rect>')
        hatched = range(fill + 4, fill + tail - 3, _HATCH)
        parts += [f'<rect class="hatch" x="{x}" width="4" height="8"></rect>' for x in hatched]
    parts += [f'<line class="tick" x1="{tick}" x2="{tick}" y2="8"></line>' for tick in bar.ticks]
    parts.append("</svg>")
    # Numbers of ours, and a label that is escaped above.
    return Markup("".join(parts))  # noqa: S704 - see above
