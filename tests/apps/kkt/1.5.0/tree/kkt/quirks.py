"""What this release does that it should not: it ignores the signal to stop."""

import signal


def once_serving() -> None:
    # uvicorn has set its own handlers before this is called.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


def before_health() -> None:
    """Called before a health request is answered."""
