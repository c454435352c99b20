"""When the cyclic garbage collector works, and on what."""

import gc
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

_rests: list[bool] = []

THRESHOLDS: Final = (20_000, 10, 10)
"""After how many new objects the youngest are walked, and how often the older ones with them. A page makes thousands,
and all but a few are freed without the collector."""


def settle() -> None:
    """Leave what a server loaded at its start to itself, and look for circles less often.

    Some hundred thousand objects (modules, tables, routes) stay as long as the process. To walk them all took a fifth
    of a second, in the middle of somebody's page.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)


@contextmanager
def uncollected() -> Generator[None]:
    """Let the collector rest while many thousand objects come to be that refer to each other in no circle.

    It would walk all of them again and again and find nothing, a quarter of the time of a close. What is no longer
    referred to is freed at once, as ever. The whole process rests with it, so the rest is for a part of a long work,
    not for all of it; several at once end with the last.
    """
    _rests.append(gc.isenabled())
    gc.disable()
    try:
        yield
    finally:
        # The first of several that overlap knows whether the collector was at work.
        was_on = _rests[0]
        _rests.pop()
        if was_on and not _rests:
            gc.enable()
