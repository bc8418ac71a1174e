"""The settings of the log."""

from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings


class LogSettings(BaseSettings):
    """How much is logged."""

    log_level: Literal["debug", "info", "warning"] = Field(
        default="info",
        description="How much is logged. `debug` adds each request, and what became of each"
        " publish; `warning` leaves out what goes as it should.",
    )
