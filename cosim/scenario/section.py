"""What all parts of a scenario have in common: units with ranges, and a strict base."""

from functools import lru_cache
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

NS = 1_000_000_000

Share = Annotated[float, Field(ge=0.0, le=1.0)]
Seconds = Annotated[float, Field(ge=0.0, le=1e9)]
PositiveSeconds = Annotated[float, Field(gt=0.0, le=1e9)]
Watts = Annotated[float, Field(ge=0.0, le=1e9)]
Span = tuple[float, float]
ServiceName = Literal["AC", "AC_BPT", "DC", "DC_BPT"]


@lru_cache(256)  # spans of a scenario are asked for by every vehicle and station: equal ones are one object
def to_ns(seconds: float) -> int:
    """Whole nanoseconds nearest to a span in seconds."""
    return round(seconds * NS)


class Section(BaseModel):
    """A part of a scenario: unknown keys are errors, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=True)
