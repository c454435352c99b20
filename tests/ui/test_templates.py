"""Every page as text: what the content policy forbids is not there, and no form forgets its token."""

import re
from datetime import date
from html.parser import HTMLParser
from pathlib import Path

import pytest
from jinja2 import UndefinedError

from caretide.kernel.errors import Invalid
from caretide.ui.environment import STATIC, asset_address, make_environment
from caretide.ui.forms import FormState, Option
from caretide.ui.shell import ErrorPage, Shell
from caretide.workspace.schemas.facts import FACT_TITLES, fact_fields
from tests.ui.preview import render_all

PAGES = render_all()


class Outline(HTMLParser):
    """What a page is made of."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.forms: list[list[tuple[str, dict[str, str | None]]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "form":
            self.forms.append([(tag, dict(attrs))])
        elif self.forms:
            self.forms[-1].append((tag, dict(attrs)))


@pytest.mark.parametrize("name", PAGES)
def test_page_has_nothing_inline(name: str) -> None:
    for tag, attributes in Outline(PAGES[name]).tags:
        assert tag != "style"
        assert tag != "script" or attributes.get("src")
        assert not [key for key in attributes if key == "style" or key.startswith(("on", "hx-on"))]


@pytest.mark.parametrize("name", PAGES)
def test_every_post_form_carries_the_token(name: str) -> None:
    for form in Outline(PAGES[name]).forms:
        if form[0][1].get("method") == "post":
            token = [a for tag, a in form if tag == "input" and a.get("name") == "csrf_token"]
            assert len(token) == 1, form[0]


@pytest.mark.parametrize("name", PAGES)
def test_ids_are_unique_and_labels_have_their_field(name: str) -> None:
    tags = Outline(PAGES[name]).tags
    ids = [value for _, a in tags if (value := a.get("id"))]
    assert len(ids) == len(set(ids))
    assert {a["for"] for tag, a in tags if tag == "label" and "for" in a} <= set(ids)


@pytest.mark.parametrize("name", PAGES)
def test_every_icon_is_in_the_sprite(name: str) -> None:
    known = set(re.findall(r'<symbol id="([a-z-]+)"', (STATIC / "icons.svg").read_text(encoding="utf-8")))
    used = {str(a["href"]).partition("#")[2] for tag, a in Outline(PAGES[name]).tags if tag == "use"}
    assert used <= known


def test_no_address_on_a_page_carries_a_name() -> None:
    addresses = " ".join(re.findall(r'(?:href|action|hx-[a-z]+)="([^"]*)"', PAGES["my-day"]))
    assert "Whitfield" not in addresses


def test_unknown_name_in_a_template_is_an_error() -> None:
    with pytest.raises(UndefinedError):
        make_environment().get_template("error.html").render(shell=Shell(), csrf_token="")


def test_text_is_escaped() -> None:
    page = ErrorPage(status=404, title="<b>", message="<script>alert(1)</script>")
    html = make_environment().get_template("error.html").render(shell=Shell(), page=page, csrf_token="")
    assert "<script>alert" not in html
    assert "&lt;script&gt;" in html


def test_forbidden_names_the_permission() -> None:
    assert "month:close" in PAGES["error"]


def test_asset_address_changes_with_its_content(tmp_path: Path) -> None:
    (tmp_path / "a.css").write_text("1", encoding="ascii")
    first = asset_address(tmp_path)("a.css")
    (tmp_path / "a.css").write_text("2", encoding="ascii")
    assert first.startswith("/static/a.css?v=")
    assert asset_address(tmp_path)("a.css") != first


@pytest.mark.parametrize("kind", FACT_TITLES)
def test_every_fact_asks_when_somebody_looked(kind: str) -> None:
    fields = fact_fields(kind, date(2026, 11, 21), (Option("1", "Dr. A"),))
    assert fields[-1].name == "checked_on"
    assert len({field.name for field in fields}) == len(fields)


def test_unknown_kind_of_fact_is_refused() -> None:
    with pytest.raises(KeyError):
        fact_fields("horoscope", date(2026, 11, 21), ())


def test_refused_form_opens_with_its_fault() -> None:
    state = FormState.failed(
        "fact-care-plan", Invalid("Too early", field="effective_on"), {"effective_on": "1900-01-01"}
    )
    assert state.error("effective_on") == "Too early"
    html = PAGES["patient-idle"]
    assert 'id="fact-other-claims-checked_on-fault"' in html
    assert re.search(r'id="fact-other-claims-checked_on"[^>]*aria-invalid="true"', html)


def test_refusal_says_once_what_is_lacking() -> None:
    assert PAGES["error"].count("month:close") == 1
    assert "You may not close a month." not in PAGES["error"]


def test_uncounted_time_is_hatched_and_said_in_words() -> None:
    assert 'class="tail"' in PAGES["patient"]
    assert "0:17:40 of 0:18:40 count this month" in PAGES["patient"]


def test_month_field_says_how_to_type_it() -> None:
    assert 'type="month"' in PAGES["patient"]
    assert "YYYY-MM" in PAGES["patient"]
