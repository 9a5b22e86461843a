"""What people send."""

from pydantic import BaseModel


class NewItem(BaseModel):
    name: str
