"""The web application: python -m kkt.web."""

import os
from contextlib import asynccontextmanager

import uvicorn
from fastapi import FastAPI, Response
from sqlalchemy import func, select, text

from kkt import HOME, VERSION, quirks
from kkt.database import session
from kkt.input import NewItem
from kkt.items import Item


@asynccontextmanager
async def lifespan(_: FastAPI):
    quirks.once_serving()
    yield


app = FastAPI(title="kkt", version=VERSION, lifespan=lifespan)


@app.get("/health")
def health():
    quirks.before_health()
    with session() as db:
        db.execute(text("select 1"))
    return {"status": "ok", "version": VERSION}


@app.get("/health/detailed")
def health_detailed(response: Response):
    components = {"database": database(), "uploads": uploads(), "bot": bot()}
    good = all(component["status"] == "ok" for component in components.values())
    response.status_code = 200 if good else 503
    return {"status": "ok" if good else "error", "version": VERSION, "components": components}


@app.post("/items", status_code=201)
def add_item(new: NewItem):
    with session() as db:
        item = Item(name=new.name)
        db.add(item)
        db.commit()
        return {"id": item.id, "name": item.name}


@app.get("/items/count")
def count_items():
    with session() as db:
        return {"count": db.scalar(select(func.count()).select_from(Item))}


def database():
    try:
        with session() as db:
            db.execute(text("select 1"))
        return {"status": "ok"}
    except Exception as error:
        return {"status": "error", "error": str(error)}


def uploads():
    writable = os.access(HOME / "uploads", os.W_OK)
    return {"status": "ok" if writable else "error"}


def bot():
    with session() as db:
        late = text("select now() - at > interval '10 seconds' from heartbeats where name = 'bot'")
        return {"status": "ok" if db.scalar(late) is False else "error"}


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ.get("KKT_PORT", "8000")), log_level="warning")
