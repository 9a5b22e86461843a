"""What this release does that it should not: the web process dies three seconds after it began to serve."""

import os
import sys
import threading


def once_serving() -> None:
    if "kkt.web" in sys.orig_argv:
        death = threading.Timer(3.0, lambda: os._exit(1))
        death.daemon = True
        death.start()


def before_health() -> None:
    """Called before a health request is answered."""
