"""What a station aims at: policy, schedule and limiter, and the products the fleet is paid for."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from cosim.scenario.section import PositiveSeconds, Seconds, Section, Watts
from models.grid.products import PRODUCTS, product_key


class Policy(BaseModel):
    """The setpoint policy. Further keys are the policy's own parameters and are checked against its `Params`."""

    model_config = ConfigDict(extra="allow", frozen=True)

    name: str = Field(
        "droop", description="a packaged policy, module:attribute, ./file.py:attribute, or an entry point"
    )

    @property
    def parameters(self) -> dict[str, Any]:
        """The policy's own keys."""
        return dict(self.model_extra or {})


class Schedule(Section):
    """The power planned for each session, around which a policy works."""

    rule: Literal["zero", "even", "file", "signal"] = Field(
        "zero",
        description="nothing, the target energy spread evenly until departure, a series, or a wish of the operator",
    )
    file: str = Field(
        "",
        description="CSV or Parquet; rule file: power per station; rule signal: -1 to 1, positive supports frequency",
    )
    capacity_w: Watts | None = Field(
        None, description="rule signal: power of each station at a signal of 1; empty: policy.capacity_w"
    )
    column: str | None = None
    step_s: PositiveSeconds | None = None


class Contract(Section):
    """A product that the fleet is paid for: its delivery is scored after the run. It does not set the policy."""

    product: str = Field(description="which product; v2g-cosim curve lists them")
    contract_mw: Annotated[float, Field(gt=0.0)] | None = Field(
        None, description="contracted power; empty: policy.capacity_w of every car, times cars_per_ev"
    )
    from_s: Seconds = Field(0.0, description="begin of the committed time")
    until_s: PositiveSeconds | None = Field(None, description="its end; empty: the end of the run")
    window_s: PositiveSeconds | None = Field(None, description="window of the envelope; empty: the product's T1")

    @field_validator("product")
    @classmethod
    def _known(cls, name: str) -> str:
        key = product_key(name)
        if key is None:
            raise ValueError(f"there is no product '{name}'; known are {', '.join(PRODUCTS)}")
        return key

    @model_validator(mode="after")
    def _rising(self) -> "Contract":
        if self.until_s is not None and not self.from_s < self.until_s:
            raise ValueError(f"from_s < until_s must hold, got {self.from_s:g} and {self.until_s:g}")
        return self


class Limits(Section):
    """The limiter, applied after every policy."""

    guarantee_departure: bool = Field(
        True, description="charge at full power from the latest start that reaches the target"
    )
    assumed_efficiency: Annotated[float, Field(gt=0.0, le=1.0)] = Field(
        0.88, description="plug to cells, for the latest start"
    )
    departure_margin_s: Seconds = Field(60.0, description="start so much earlier")
    gap_rule: Literal["zero", "nearest", "hysteresis", "dither"] = Field(
        "nearest", description="what becomes of a setpoint below the minimum power"
    )
