"""What people send."""

from pydantic import BaseModel, Field


class NewItem(BaseModel):
    name: str = Field(pattern="^[^<>]*$")
