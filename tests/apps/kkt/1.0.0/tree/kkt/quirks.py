"""What this release does that it should not. A good release does nothing here."""


def once_serving() -> None:
    """Called when the web process or the bot is up."""


def before_health() -> None:
    """Called before a health request is answered."""
