"""Why somebody is on the list: one reason, the most urgent."""

import pytest

from caretide.billing.rules.standing import Band, reason
from caretide.programs.ruling import ExceptionCode, RuleException, adjust, block, info

MARKS = (1200, 2400, 3600)
NO_CONSENT = block(ExceptionCode.NO_CONSENT, "no consent is on file")
NO_PLAN = block(ExceptionCode.FACT_UNKNOWN, "nobody recorded a care plan", "care_plan")
NO_VISIT = block(ExceptionCode.FACT_UNKNOWN, "nobody recorded a visit", "initiating_visit")
BELOW = block(ExceptionCode.BELOW_THRESHOLD, "too little")


@pytest.mark.parametrize(
    ("exceptions", "countable", "text", "band", "tone"),
    [
        ((NO_PLAN, NO_CONSENT), 0, "Consent missing", Band.CONSENT, "bad"),
        ((NO_PLAN,), 1300, "Care plan not recorded", Band.HELD, "bad"),
        ((NO_VISIT, NO_PLAN), 0, "Initiating visit not recorded, 1 more", Band.HELD, "bad"),
        ((BELOW,), 1120, "1:20 min to 20", Band.UNDER, "warn"),
        ((), 0, "20:00 min to 20", Band.UNDER, "warn"),
        ((), 1199, "0:01 min to 20", Band.UNDER, "warn"),
        ((), 1200, "20:00 min to 40", Band.REACHED, "info"),
        ((info(ExceptionCode.UNIT_CAP, "more"),), 3600, "Complete", Band.COMPLETE, "good"),
        ((adjust(ExceptionCode.HOSPICE_REVIEW, "decide"),), 2399, "0:01 min to 40", Band.REACHED, "info"),
    ],
)
def test_most_urgent_reason_wins(
    exceptions: tuple[RuleException, ...], countable: int, text: str, band: Band, tone: str
) -> None:
    found = reason(exceptions, countable, MARKS, deceased=False)
    assert (found.text, found.band, found.tone) == (text, band, tone)


def test_death_outranks_everything() -> None:
    assert reason((NO_CONSENT,), 0, MARKS, deceased=True).text == "Has died: the enrollment should end"
    over = reason((NO_CONSENT,), 0, MARKS, deceased=True, ended=True)
    assert (over.text, over.tone) == ("Has died; the enrollment has ended", "info")
