"""The log holds kinds and places, never what a fault quotes."""

import json
import logging

import pytest

from caretide.runtime.log import Line

CANARY = "Eleanor Whitfield"


def logged(name: str, message: str, *args: object, fault: Exception | None = None) -> dict[str, object]:
    exc_info = (type(fault), fault, fault.__traceback__) if fault else None
    record = logging.LogRecord(name, logging.ERROR, __file__, 1, message, args, exc_info)
    return json.loads(Line().format(record))


def raised() -> Exception:
    with pytest.raises(ValueError, match=CANARY) as caught:
        int(CANARY)
    return caught.value


@pytest.mark.req("V-21", "W-12")
@pytest.mark.parametrize("name", ["caretide", "procrastinate.worker", "uvicorn.error"])
def test_a_faults_text_stays_out(name: str) -> None:
    line = logged(name, "job %s failed", 7, fault=raised())
    assert CANARY not in json.dumps(line)
    assert line["fault"] == "ValueError"
    assert any("test_log.py" in place for place in line["places"])


def test_a_librarys_arguments_stay_out() -> None:
    assert CANARY not in json.dumps(logged("sqlalchemy.pool", "row %s", CANARY))


def test_a_line_is_one_line() -> None:
    assert "\n" not in Line().format(logging.LogRecord("uvicorn", 40, __file__, 1, "a\nb", (), None))
