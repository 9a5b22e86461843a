"""What this release does that it should not: its health requests fail."""

from fastapi import HTTPException


def once_serving() -> None:
    """Called when the web process or the bot is up."""


def before_health() -> None:
    raise HTTPException(status_code=500, detail="cannot find the flux capacitor")
