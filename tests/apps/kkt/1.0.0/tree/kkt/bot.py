"""The bot: python -m kkt.bot. Says every half second that it is alive."""

import time
from datetime import datetime, timezone

from kkt import VERSION, quirks
from kkt.database import Heartbeat, session


def beat() -> None:
    with session() as db:
        db.merge(Heartbeat(name="bot", version=VERSION, at=datetime.now(timezone.utc)))
        db.commit()


if __name__ == "__main__":
    beat()
    quirks.once_serving()
    while True:
        time.sleep(0.5)
        beat()
