"""The server keeps what it has finished until there is a receipt, and a stop does not wait for one."""

import time
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from caretide.postgres import archiving, server
from caretide.postgres.folders import Home, read_state
from caretide.postgres.roles import LoginRole

ONCE = "SELECT archived_count FROM pg_stat_archiver"


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.2)


@pytest.mark.parametrize("name", ["home", "it's 100% ours"])
def test_finished_part_is_kept_until_its_receipt_is_there(home: Path, name: str) -> None:
    ours = Home(home.with_name(name))
    try:
        with server.share(ours.path, archive=60) as cluster:
            with psycopg.connect(cluster.url(LoginRole.ADMIN), autocommit=True) as connection:
                connection.execute("SELECT pg_logical_emit_message(true, 'test', 'words')")
                connection.execute("SELECT pg_switch_wal()")
                first, *_ = archiving.finished(ours)
                assert first.path.stat().st_size == archiving.SEGMENT_BYTES
                assert not archiving.is_confirmed(ours, first.name)
                for one in archiving.finished(ours):
                    archiving.confirm(ours, one.name)
                until(lambda: not archiving.finished(ours))
                assert (connection.execute(ONCE).fetchone() or (0,))[0] >= 1
                connection.execute("SELECT pg_logical_emit_message(true, 'test', 'more words')")
            archiving.sweep(ours, set())
            assert list(archiving.receipts(ours).iterdir()) == []
        (left,) = archiving.finished(ours)
        assert left.name > first.name
        with server.share(ours.path):
            assert read_state(ours).archive == 60
            assert left.name in {one.name for one in archiving.finished(ours)}
    finally:
        server.stop(ours.path, force=True)


def test_server_without_an_archive_keeps_nothing_for_one(initialized: Path) -> None:
    with (
        server.share(initialized, archive=0) as cluster,
        psycopg.connect(cluster.url(LoginRole.ADMIN), autocommit=True) as connection,
    ):
        connection.execute("SELECT pg_logical_emit_message(true, 'test', 'words')")
        connection.execute("SELECT pg_switch_wal()")
        assert archiving.finished(Home(initialized)) == []


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("000000010000000000000001", (1, 1)),
        ("0000000200000001000000FF", (2, 511)),
        ("000000010000000200000000", (1, 512)),
    ],
)
def test_segments_are_numbered_without_a_gap(name: str, place: tuple[int, int]) -> None:
    assert archiving.place_of(name) == place
    assert archiving.name_of(*place) == name
    assert archiving.is_segment(name)
    assert not archiving.is_segment(f"{name}.00000028.backup")
    assert not archiving.is_segment("00000002.history")
