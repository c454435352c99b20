"""What a refused form carries back."""

from caretide.kernel.errors import Invalid
from caretide.kernel.permissions import GRANTS, Role
from caretide.ui.forms import FormState
from caretide.ui.shell import navigation

FAILED = FormState.failed(
    "invite",
    Invalid("an address looks like name@example.org", field="email"),
    {"email": "x", "password": "do not keep", "csrf_token": "t", "roles": ("a", "b")},
)


def test_refused_form_keeps_what_was_typed_but_no_password() -> None:
    assert FAILED.value("email") == "x"
    assert FAILED.value("password") == FAILED.value("csrf_token") == ""


def test_fault_stands_at_its_field() -> None:
    assert FAILED.error("email").startswith("an address")
    assert FAILED.error("name") == ""


def test_other_forms_of_the_page_stay_clean() -> None:
    other = FAILED.at("consent")
    assert (other.name, other.errors, other.value("email", "none")) == ("consent", {}, "none")
    assert FAILED.at("invite") is FAILED


def test_choice_among_several_is_remembered() -> None:
    assert FAILED.chose("roles", "b")
    assert not FAILED.chose("roles", "c")
    assert FAILED.chose("absent", "first", "first")


def test_places_follow_permissions() -> None:
    shown = {role: [link.key for link in navigation(GRANTS[role])] for role in (Role.COORDINATOR, Role.ADMINISTRATOR)}
    assert shown == {
        Role.COORDINATOR: ["my-day", "month"],
        Role.ADMINISTRATOR: ["my-day", "team", "month", "audit", "admin"],
    }
