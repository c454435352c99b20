"""The server's own answer: what it says to bytes that are no request carries the headers of every other answer."""

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from caretide.runtime.gate import Site


def protocol_for(site: Site) -> type[H11Protocol]:
    """Return the protocol that the server speaks for a site."""

    class Protocol(H11Protocol):
        """HTTP/1.1 whose refusals are dressed like ours."""

        def send_400_response(self, msg: str) -> None:
            """Refuse what cannot be read as a request, in words that quote none of it."""
            del msg
            body = b"This is no request that can be read\n"
            headers = [
                (b"content-type", b"text/plain; charset=utf-8"),
                (b"content-length", str(len(body)).encode()),
                (b"connection", b"close"),
                (b"cache-control", b"no-store"),
                *site.headers,
            ]
            answer = h11.Response(status_code=400, headers=headers, reason=b"Bad Request")
            for part in (answer, h11.Data(data=body), h11.EndOfMessage()):
                self.transport.write(self.conn.send(part) or b"")
            self.transport.close()

    return Protocol
