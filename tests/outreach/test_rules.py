"""One closed list of outcomes, with what follows from each."""

from datetime import time

import pytest

from caretide.outreach import models, rules
from caretide.outreach.rules import CHOICES, CONTACTS, OUTCOMES, STOP_RULE, next_step

MORNING, AFTERNOON, EVENING = time(10), time(14), time(18)


def test_the_list_is_short_and_each_key_chooses_one() -> None:
    keys = [one.key for one in CHOICES if one.key]
    assert len(OUTCOMES) <= 12
    assert sorted(keys) == list("0123456789")
    assert OUTCOMES["deceased"].key == ""


def test_the_database_knows_the_same_lists() -> None:
    assert all(f"'{code}'" in models.OUTCOME_CHECK for code in OUTCOMES)
    assert models.OUTCOME_CHECK.count("'") == 2 * len(OUTCOMES)
    assert f"outcome IN ({', '.join(repr(code) for code in CONTACTS)})" == models.CONTACT
    assert f"channel IN ({', '.join(repr(code) for code in rules.CHANNELS)})" == models.CHANNEL_CHECK


@pytest.mark.parametrize(("tried", "part"), [(MORNING, "afternoon"), (AFTERNOON, "morning"), (EVENING, "afternoon")])
def test_no_answer_is_tried_again_in_another_part_of_the_day(tried: time, part: str) -> None:
    step = next_step("no_answer", tried, 1, 0)
    assert (step.kind, step.text) == ("retry", f"Try again in the {part}.")


def test_enough_tries_without_an_answer_end_in_a_letter() -> None:
    assert next_step("voicemail", MORNING, STOP_RULE.attempts - 1, 0).kind == "retry"
    assert next_step("voicemail", MORNING, STOP_RULE.attempts, 0).kind == "letter"
    assert next_step("voicemail", MORNING, STOP_RULE.attempts, 1).kind == "retry"


@pytest.mark.parametrize(
    ("outcome", "kind", "words"),
    [
        ("wrong_number", "check_number", "EHR"),
        ("call_back", "call_back", "as asked"),
        ("wants_to_leave", "revocation", "consent"),
        ("in_hospital", "hospital", "manager"),
        ("deceased", "deceased", "manager"),
        ("declined", "retry", "another day"),
    ],
)
def test_each_outcome_names_its_next_step(outcome: str, kind: str, words: str) -> None:
    step = next_step(outcome, MORNING, 9, 0)
    assert step.kind == kind
    assert words in step.text
    assert "{" not in step.text


def test_progress_counts_to_the_rule_and_then_alone() -> None:
    assert [rules.progress(count) for count in (0, 2, 4, 5)] == ["0 of 4", "2 of 4", "4 of 4", "5"]


def test_the_rule_names_its_source() -> None:
    assert "APHA" in STOP_RULE.source
