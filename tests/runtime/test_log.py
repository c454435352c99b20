"""The log holds kinds and places, never what a fault quotes."""

import ast
import json
import logging
from pathlib import Path
from typing import Any

import pytest

from caretide.runtime.log import FIELDS, Line, log

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


def ours(**fields: object) -> dict[str, object]:
    """Return what one call of our own logger writes."""
    held: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: held.append(Line().format(record))
    logger = logging.getLogger("caretide")
    logger.addHandler(handler)
    try:
        log.error("a constant sentence", **fields)
    finally:
        logger.removeHandler(handler)
    (line,) = held
    return json.loads(line)


@pytest.mark.req("V-21", "W-16")
def test_fields_on_the_list_are_kept_and_others_named_but_not_shown() -> None:
    line = ours(route="GET /patients/{patient_id}", kind="export", patient=CANARY, note=7)
    assert (line["message"], line["route"], line["kind"]) == (
        "a constant sentence",
        "GET /patients/{patient_id}",
        "export",
    )
    assert line["left_out"] == ["note", "patient"]
    assert CANARY not in json.dumps(line)


@pytest.mark.req("W-16")
@pytest.mark.parametrize(
    "fields",
    [
        {"route": "GET /patients/0190f7a2-7d3c-7e31-9a42-9a53a3a0c001?q=Eleanor Whitfield"},
        {"kind": CANARY},
        {"fault": f"ValueError: {CANARY}"},
        {"places": ["/app/x.py:7", CANARY]},
        {"reason": f"No such file: '/{CANARY}.pdf'"},
        {CANARY: "x"},
        {"exc_info": ValueError(CANARY)},
    ],
)
def test_field_that_does_not_look_as_it_should_is_left_out(fields: dict[str, Any]) -> None:
    assert CANARY not in json.dumps(ours(**fields))


@pytest.mark.req("V-21")
def test_fault_is_told_by_its_kind_and_places() -> None:
    line = ours(exc_info=raised())
    assert line["fault"] == "ValueError"
    assert "test_log.py" in json.dumps(line["places"])
    assert CANARY not in json.dumps(line)


@pytest.mark.req("V-21")
@pytest.mark.parametrize("text", [CANARY, f'{{"message": "{CANARY}", "patient": 1}}', f"x\r\n{{}} {CANARY}", "[]", ""])
@pytest.mark.parametrize("name", ["caretide", "asyncio", "procrastinate.worker"])
def test_text_that_was_filled_in_before_it_came_is_not_kept(name: str, text: str) -> None:
    line = logged(name, text)
    assert CANARY not in json.dumps(line)
    assert str(line["places"][0]).endswith("test_log.py:1")  # type: ignore[index]  # a list of places


def test_word_of_the_queue_for_what_it_does_is_kept() -> None:
    record = logging.LogRecord("procrastinate.worker", 40, __file__, 1, f"Job 7 of {CANARY}", (), None)
    record.__dict__["action"] = "job_error"
    assert json.loads(Line().format(record))["action"] == "job_error"
    record.__dict__["action"] = CANARY
    assert CANARY not in Line().format(record)


@pytest.mark.req("W-16")
def test_every_line_of_ours_is_a_constant_sentence_with_fields_of_the_list(root: Path) -> None:
    """What is not on the list would be left out; here it is said to whoever writes it."""
    wrong: list[str] = []
    seen = 0
    for file in sorted((root / "src" / "caretide").rglob("*.py")):
        tree = ast.parse(file.read_text("utf-8"))
        imported = {one.name for node in ast.walk(tree) if isinstance(node, ast.Import) for one in node.names}
        if imported & {"logging", "structlog"} and file.parts[-2:] != ("runtime", "log.py"):
            wrong.append(f"{file} has a logger of its own")
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call) or not _is_log(node.func):
                continue
            seen += 1
            sentence = node.args[0] if len(node.args) == 1 else None
            constant = isinstance(sentence, ast.Constant) and isinstance(sentence.value, str)
            names = {one.arg for one in node.keywords}
            if not constant or not names <= {*FIELDS, "exc_info"} or "%" in ast.unparse(node.args[0]):
                wrong.append(f"{file}:{node.lineno}")
    assert wrong == []
    assert seen > 5


def _is_log(function: ast.expr) -> bool:
    """Tell whether a call is `log.error(...)` or `log.log.error(...)`."""
    if not isinstance(function, ast.Attribute):
        return False
    said = ast.unparse(function.value)
    return said in {"log", "log.log"} and function.attr in {
        "debug",
        "info",
        "warning",
        "error",
        "exception",
        "critical",
    }
