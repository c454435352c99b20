"""`caretide serve`, with a stopwatch around every request: each answer says how long the server had it.

The header is `server-timing: app;dur=MS, cpu;dur=MS`: from the application's being called until the answer's body is
there, by the wall and by the process's CPU. With one request at a time the CPU is that request's alone.
"""

import asyncio
import time
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from caretide import serving
from caretide.main import create_app
from caretide.runtime.installation import Installation
from caretide.settings import load_settings


class Timed:
    """Holds an answer's head back until its body is there, to put the time into it."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        wall, cpu = time.perf_counter(), time.process_time()
        head: dict[str, Any] = {}

        async def timed(message: Message) -> None:
            if message["type"] == "http.response.start":
                head.update(message)
                return
            if head:
                spent = (time.perf_counter() - wall) * 1000, (time.process_time() - cpu) * 1000
                told = "app;dur={:.3f}, cpu;dur={:.3f}".format(*spent).encode()
                await send({**head, "headers": [*head["headers"], (b"server-timing", told)]})
                head.clear()
            await send(message)

        await self.app(scope, receive, timed)


def timed_app(ours: Installation) -> ASGIApp:
    """Return the application that people run, timed."""
    return Timed(create_app(ours))


if __name__ == "__main__":
    serving.create_app = timed_app
    asyncio.run(serving.serve_forever(load_settings(), with_worker=False))
