"""The revisions and the models describe the same tables."""

import importlib
import pkgutil

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

import caretide
from caretide.runtime.db import Base
from tests.database import Server


def load_models() -> None:
    for found in pkgutil.iter_modules(caretide.__path__, "caretide."):
        if found.ispkg and any(part.name == "models" for part in pkgutil.iter_modules(_path(found.name))):
            importlib.import_module(f"{found.name}.models")


def _path(package: str) -> list[str]:
    return list(importlib.import_module(package).__path__)


def test_the_migrated_schema_is_the_models(server: Server) -> None:
    load_models()
    engine = create_engine(server.admin.replace("postgresql://", "postgresql+psycopg://", 1), poolclass=NullPool)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "include_schemas": False})
        differences = compare_metadata(context, Base.metadata)
    engine.dispose()
    assert [one for one in differences if not _is_alembics(one)] == []


def _is_alembics(difference: object) -> bool:
    return "alembic_version" in str(difference)
