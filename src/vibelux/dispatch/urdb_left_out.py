"""What of a URDB rate a tariff has no place for, in sentences."""

from collections.abc import Iterator
from typing import Any


def left_out(given: dict[str, Any]) -> Iterator[str]:
    """What stands in a rate (keys in lower case) and is not carried over, beside its periods."""
    for name in ("demandratchetpercentage", "lookbackpercent"):
        if _any_above_zero(given.get(name)):
            yield (
                f"{name} {short(given[name])}: a ratchet depends on past peaks: set ratchet_floor_kw of the demand "
                "charges to that share of the highest peak that still counts."
            )
    if given.get("coincidentratestructure"):
        yield "coincidentratestructure: charges on the load at the system's peak are left out."
    for name in ("demandreactivepowercharge", "demandreactpwrcharge"):
        if given.get(name):
            yield f"{name}: a charge on reactive power, {given[name]} USD/kVAR, is left out."
    fixed = [
        f"{name} {given[name]} {given.get(unit) or '$/month'}"
        for name, unit in (
            ("fixedchargefirstmeter", "fixedchargeunits"),
            ("fixedmonthlycharge", ""),
            ("mincharge", "minchargeunits"),
        )
        if given.get(name)
    ]
    if fixed:
        yield f"{', '.join(fixed)}: left out; fixed and minimum charges change no decision."
    service = given.get("servicetype")
    if service != "Delivery" and given.get("energyratestructure"):
        yield (
            f"servicetype {service or 'is not given'}: where its energy charges hold the utility's own energy the "
            "market price must not be paid on top: set import_factor = 0.0 in [facilities.prices], or take a delivery "
            "rate."
        )
    if given.get("dgrules"):
        yield f"dgrules {given['dgrules']}: left out; export earns the export price of [facilities.prices]."
    words = [name for name in ("energyattrs", "demandattrs", "fixedattrs") if given.get(name)]
    if words:
        yield f"{', '.join(words)}: conditions in words (discounts, riders) are not read; look at them."


def _any_above_zero(value: Any) -> bool:
    return any(isinstance(one, int | float) and one > 0 for one in (value if isinstance(value, list) else [value]))


def short(what: Any) -> str:
    """A value as text of bounded length."""
    text = str(what)
    return text if len(text) <= 300 else text[:299] + "…"
