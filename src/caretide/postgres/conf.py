"""The server's configuration: written by us at every start, outside the data directory, where it cannot change it."""

from datetime import UTC, datetime
from pathlib import Path

from caretide.postgres import archiving
from caretide.postgres.folders import Home
from caretide.postgres.processes import cluster_name

HBA = """\
# Written by Caretide. Every connection shows a password; the superuser comes by the socket alone.
local  all  all                           scram-sha-256
local  replication  caretide_admin        scram-sha-256
host   all  caretide_admin  all           reject
host   all  all             127.0.0.1/32  scram-sha-256
"""

_TEMPLATE = """\
# Written by Caretide at every start. Put settings of your own into local.conf beside this file.
max_connections = 100
shared_buffers = '128MB'
effective_cache_size = '1GB'
work_mem = '8MB'
maintenance_work_mem = '64MB'
random_page_cost = 1.1
jit = off
wal_level = replica
min_wal_size = '80MB'
max_wal_size = '1GB'
checkpoint_timeout = '15min'
wal_compression = pglz

{include}

# What Caretide relies on comes last, so that it wins.
cluster_name = '{cluster_name}'
listen_addresses = '127.0.0.1'
port = {port}
unix_socket_directories = '{socket_dir}'
unix_socket_permissions = 0700
hba_file = '{hba_file}'
password_encryption = scram-sha-256
allow_alter_system = off
timezone = 'UTC'
log_timezone = 'UTC'
lc_messages = 'C'
{archive}
fsync = {durable}
full_page_writes = {durable}
synchronous_commit = {durable}

# A failed statement carries values, and values are health data: whoever sent it gets the error, the log does not.
logging_collector = off
log_line_prefix = '%m [%p] '
log_min_messages = log
log_min_error_statement = panic
log_error_verbosity = terse
log_statement = none
log_checkpoints = off
log_parameter_max_length = 0
log_parameter_max_length_on_error = 0
"""


def postgresql_conf(
    home: Home, *, port: int, socket_dir: Path, durable: bool, archive: int = 0, recovery: str = ""
) -> str:
    """Return the main configuration file's text. `durable=False` is for tests: a crash may lose everything.

    `archive` is the age in seconds at which a segment that is not full is handed on, 0 for no archive; `recovery` is
    for a start that replays one, which writes none.
    """
    # The list of socket folders has quotes of its own, so that a comma or a space in a path is not a separator.
    return _TEMPLATE.format(
        include="include 'local.conf'" if (home.postgres / "local.conf").exists() else "",
        cluster_name=cluster_name(home),
        port=port,
        socket_dir=f'"{_quoted(socket_dir)}"',
        hba_file=_quoted(home.postgres / "pg_hba.conf"),
        durable="on" if durable else "off",
        archive=recovery or _archive(home, archive),
    )


def replaying(staged: Path, to: datetime | None) -> str:
    """Return the lines for a start that replays what lies in a folder, up to a moment or to the end of it."""
    lines = [
        "archive_mode = off",
        "hot_standby = off",
        f"restore_command = '{_quoted_command(staged)}'",
        "recovery_target_timeline = 'current'",
        "recovery_target_action = 'promote'",
    ]
    if to is not None:
        lines.append(f"recovery_target_time = '{to.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f+00}'")
    return "\n".join(lines)


def _quoted_command(staged: Path) -> str:
    place = str(staged).replace("%", "%%")
    return f'test -f "{place}/%f" && cp "{place}/%f" "%p"'.replace("'", "''")


def _archive(home: Home, seconds: int) -> str:
    if not seconds:
        return "archive_mode = off"
    command = archiving.command(home).replace("'", "''")
    return f"archive_mode = on\narchive_timeout = {seconds}\narchive_command = '{command}'"


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")
