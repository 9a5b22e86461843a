"""What this release does that it should not: it does not come up."""


def once_serving() -> None:
    raise RuntimeError("cannot find the flux capacitor")


def before_health() -> None:
    """Called before a health request is answered."""
