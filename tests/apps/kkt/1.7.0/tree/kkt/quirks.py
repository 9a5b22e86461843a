"""What this release does that it should not: the web process never gets as far as to serve."""

import os
import sys


def once_serving() -> None:
    if "kkt.web" in sys.orig_argv:
        os._exit(1)


def before_health() -> None:
    """Called before a health request is answered."""
