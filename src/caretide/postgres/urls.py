"""Connection URLs in libpq's form, and what is wrong with those that people give."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

import psycopg
from psycopg.conninfo import conninfo_to_dict

from caretide.kernel.errors import Invalid

_SCHEMES = ("postgresql", "postgres", "postgresql+psycopg")


def parse(url: str) -> dict[str, str]:
    """Return the parameters of an operator's URL; raise Invalid when it is not one for PostgreSQL with a database."""
    scheme, _, rest = url.partition("://")
    if scheme not in _SCHEMES or not rest:
        raise Invalid("CARETIDE_DATABASE_URL must look like postgresql://user:password@host:5432/database.")
    try:
        parameters: Mapping[str, Any] = conninfo_to_dict(f"postgresql://{rest}")
    except psycopg.ProgrammingError as error:
        # libpq quotes the URL, and with it the password.
        raise Invalid("CARETIDE_DATABASE_URL is malformed: encode special characters as %XX.") from error
    if not parameters.get("dbname") or not parameters.get("user"):
        raise Invalid(
            "CARETIDE_DATABASE_URL must name a user and a database: postgresql://user:password@host/database."
        )
    return {name: str(value) for name, value in parameters.items() if value is not None}


def build(parameters: Mapping[str, str], **changes: str) -> str:
    """Return the URL of these parameters, some of them changed."""
    rest = {**parameters, **changes}
    user, password, database = rest.pop("user"), rest.pop("password", ""), rest.pop("dbname")
    signs_in = quote(user, safe="") + (f":{quote(password, safe='')}" if password else "")
    where = ""
    if "/" not in rest.get("host", "/") and "," not in rest["host"] and ":" not in rest["host"]:
        where = rest.pop("host") + (f":{rest.pop('port')}" if "port" in rest else "")
    query = f"?{urlencode(rest, quote_via=quote)}" if rest else ""
    return f"postgresql://{signs_in}@{where}/{quote(database, safe='')}{query}"
