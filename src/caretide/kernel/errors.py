"""The ways a request can fail. Edges choose status codes, exit codes and wording around them.

An error names what is wrong and what to do about it, and never carries health data.
"""


class CaretideError(Exception):
    """Something went wrong that a person can understand and act on."""

    def __init__(self, message: str | None = None) -> None:
        # The docstring is the message unless the raiser knows better: the words are written once.
        self.message = message or (type(self).__doc__ or "").strip()
        super().__init__(self.message)


class Invalid(CaretideError):
    """The input does not make sense."""

    def __init__(self, message: str | None = None, *, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


class Unauthenticated(CaretideError):
    """Sign in first."""

    def __init__(self, message: str | None = None, *, at: str = "/sign-in") -> None:
        super().__init__(message)
        # The page that asks for what is lacking: all of a sign-in, or its second half.
        self.at = at


class TooMany(CaretideError):
    """Too many tries."""

    def __init__(self, message: str | None = None, *, seconds: int = 1) -> None:
        super().__init__(message)
        self.seconds = seconds


class Forbidden(CaretideError):
    """You do not have permission to do this."""


class NotFound(CaretideError):
    """There is no such thing here."""


class Conflict(CaretideError):
    """This clashes with what is already recorded."""


class Unavailable(CaretideError):
    """A part that this needs is not reachable."""
