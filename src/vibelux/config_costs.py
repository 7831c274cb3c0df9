"""`[costs]` of `vibelux.toml`: what data and machines cost, for `vibelux return`. docs/savings.md has an example."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class DataPlan(_Table):
    """What a provider of data charges."""

    usd_per_month: NotNegative = 0.0
    requests_included: Annotated[int, Field(ge=0)] | None = None
    """A month, in the fixed price; None: all."""
    usd_per_1000_requests: NotNegative = 0.0
    """Of those beyond."""

    def usd(self, requests: float) -> float:
        """What a month with so many requests costs.

        >>> DataPlan(usd_per_month=500.0, requests_included=10_000, usd_per_1000_requests=2.0).usd(12_000)
        504.0
        """
        beyond = 0.0 if self.requests_included is None else max(requests - self.requests_included, 0.0)
        return self.usd_per_month + beyond / 1000 * self.usd_per_1000_requests


class CostSettings(_Table):
    """All of it."""

    once_usd: NotNegative = 0.0
    """Set-up, which has to be paid back."""
    against: Literal["heat-led", "always-on", "grid-and-boiler"] = "heat-led"
    """How the sites would be run otherwise: what savings are told against."""
    providers: dict[str, DataPlan] = Field(default_factory=dict)
    infrastructure: dict[str, NotNegative] = Field(default_factory=dict)
    """USD a month by name: processing, database, cache, monitoring, ..."""
