"""Which of a site's resources may count as demand response where it stands.

Lamps, a battery and other load may everywhere. Engines are another matter:

- California: reduction made by distributed generation on diesel, natural gas, gasoline, propane or LPG, "in either
  topping cycle Combined Heat and Power or non-Combined Heat and Power configuration", is prohibited in the programmes
  of the CPUC (Decision 16-09-056; Resolution E-4906; listed at https://elrp.olivineinc.com/customer-faq). The Emergency
  Load Reduction Program lets such engines count only under a Governor's executive order, outside disadvantaged
  communities and never in a test: so never by rule here. Customers attest that they keep this.
- PJM: behind-the-meter generation may provide the reduction where its permits allow that it runs for this (Manual 11,
  section 10.2.2, asks for permit status and type; 147 FERC ¶ 61,103 (2014) on generation under strict permits).
- ERCOT: an Emergency Response Service resource is a load, or a dispatchable generator that is not registered as a
  Generation Resource (16 Texas Administrative Code § 25.507(c)(2)).
- NYISO: Special Case Resources are demand-side resources and Local Generators rated 100 kW or higher (Services Tariff,
  section 5.12.11.1; 141 FERC ¶ 61,197 (2012) on a cogeneration plant), in the Day-Ahead programme since 155 FERC
  ¶ 61,243 (2016); 6 NYCRR Part 222 limits the NOx of engines of 200 hp or more around New York City.

This tells what rules say, it is no legal advice; terms of a programme go before it. Running an engine because power is
dear needs no such permission: what is forbidden is to be paid for it as a reduction.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, NamedTuple

from pydantic import Field, model_validator

from vibelux.dispatch.plant import Engine
from vibelux.market.errors import ConfigError
from vibelux.outlook.site import Block, Name, NotNegative

if TYPE_CHECKING:
    from vibelux.dispatch.facility import Facility

NYISO_LEAST_KW = 100.0
"""Local Generators below this are no Special Case Resources."""

BATTERY, LOAD = "battery", "load"


class DemandResponse(Block):
    """`[facilities.dr]`: what the site has agreed to."""

    programs: Annotated[tuple[Name, ...], Field(strict=False)] = ()
    """The programmes it is enrolled in; none named: whichever sends it events."""
    targets: Annotated[tuple[Name, ...], Field(strict=False)] = ()
    """What programmes call it in the targets of their events: a VEN, a resource, a group."""
    price_threshold_usd_per_kwh: NotNegative | None = None
    """From which market price on an hour is told as an opportunity; None: the dearest twentieth of the outlook."""
    level_prices_usd_per_kwh: Annotated[tuple[NotNegative, ...], Field(strict=False, min_length=4, max_length=4)] = (
        0.0,
    ) * 4
    """What a kWh of reduction is worth while an event has the level 0 (normal), 1, 2 or 3 (emergency)."""
    prohibited_resources_attested: bool = False
    """California: the operator has attested that engines are not run for demand response."""
    permitted_engines: Annotated[tuple[Name, ...], Field(strict=False)] = ()
    """Elsewhere: engines whose permits allow that they run for demand response."""

    @model_validator(mode="after")
    def _rises(self) -> "DemandResponse":
        if list(self.level_prices_usd_per_kwh) != sorted(self.level_prices_usd_per_kwh):
            raise ValueError("level_prices_usd_per_kwh should not fall from a level to the next")
        return self

    def level_price(self, level: int) -> float:
        """What a kWh of reduction is worth at a level, USD; levels beyond emergency count as emergency."""
        return self.level_prices_usd_per_kwh[min(max(level, 0), 3)]


class Verdict(NamedTuple):
    """Whether a resource may count, and the sentence that says why."""

    counts: bool
    why: str


def resources(facility: "Facility") -> Iterator[str]:
    """What could reduce the site's import: its engines and lamps by id, `battery`, and `load` for all else."""
    yield from (engine.id for engine in facility.chp)
    yield from (lamps.id for lamps in facility.lights)
    if facility.battery is not None:
        yield BATTERY
    yield LOAD


def may_count(facility: "Facility", resource: str, program: str) -> Verdict:
    """Whether what a resource does may be counted as reduction in a programme.

    Args:
        facility: the site.
        resource: one of `resources(facility)`.
        program: the programme's name, as its events have it.

    Raises:
        ConfigError: the site has no such resource.
    """
    if resource not in resources(facility):
        raise ConfigError(f"{facility.id} has no resource {resource!r} that could reduce its import")
    enrolled = facility.dr.programs
    if enrolled and program not in enrolled:
        return Verdict(False, f"{facility.id} is not enrolled in {program} ([dr] programs has {', '.join(enrolled)}).")
    if facility.iso_region == "CAISO":
        return _in_california(facility, resource)
    engine = next((one for one in facility.chp if one.id == resource), None)
    if engine is None:
        return Verdict(True, f"{resource} is load or storage, which may be reduced or discharged in any programme.")
    return _engine(facility, engine)


def _engine(facility: "Facility", engine: Engine) -> Verdict:
    if facility.iso_region == "ERCOT":
        return Verdict(
            True,
            f"{engine.id} may count: a generator that is not registered as a Generation Resource can provide Emergency "
            "Response Service (16 TAC § 25.507(c)(2)); its permits must allow it.",
        )
    if facility.iso_region == "NYISO" and engine.rated_kw < NYISO_LEAST_KW:
        return Verdict(
            False,
            f"{engine.id} may not count: Local Generators are rated {NYISO_LEAST_KW:.0f} kW or higher (NYISO Services "
            f"Tariff, section 5.12.11.1), it has {engine.rated_kw:g} kW.",
        )
    rule = (
        "behind-the-meter generation counts where its permits allow it (PJM Manual 11, section 10.2.2)"
        if facility.iso_region == "PJM"
        else "Local Generators count (NYISO Services Tariff, section 5.12.11.1) where 6 NYCRR Part 222 and "
        "their permits allow it"
    )
    if engine.id in facility.dr.permitted_engines:
        return Verdict(True, f"{engine.id} may count: {rule}, and [dr] permitted_engines names it.")
    return Verdict(False, f"{engine.id} may not count yet: {rule}, and [dr] permitted_engines does not name it.")


def _in_california(facility: "Facility", resource: str) -> Verdict:
    if any(one.id == resource for one in facility.chp):
        return Verdict(
            False,
            f"{resource} may not count: a natural-gas engine, topping-cycle CHP included, is a prohibited resource for "
            "demand response in California (CPUC D.16-09-056, Resolution E-4906). It may still run for the price.",
        )
    if facility.chp and not facility.dr.prohibited_resources_attested:
        return Verdict(
            False,
            f"{resource} may not count yet: a site with a gas engine has to attest that it is not run for demand "
            "response (CPUC Resolution E-4906); set [dr] prohibited_resources_attested once that is done.",
        )
    return Verdict(
        True, f"{resource} may count: load and storage are no prohibited resources (CPUC Resolution E-4906)."
    )
