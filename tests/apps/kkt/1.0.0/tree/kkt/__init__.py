"""kkt: items over HTTP, and a bot."""

from pathlib import Path

HOME = Path(__file__).parent.parent
VERSION = (HOME / "VERSION").read_text().strip()
