"""Conversions of units, each with its source. No other module holds such a number."""

MWH_PER_KWH = 1e-3
"""1 kWh = 0.001 MWh, by definition of the prefixes: USD/MWh times this is USD/kWh."""

KWH_PER_MMBTU = 293.07107
"""1 MMBtu (IT) = 1e6 * 1055.05585262 J / 3.6e6 J; NIST SP 811 (2008), appendix B.8."""

GAS_KG_CO2_PER_MMBTU_HHV = 53.06
"""Natural gas burnt, HHV; US EPA, 40 CFR part 98, table C-1."""

MMBTU_PER_MCF = 1.036
"""Thousand cubic feet of natural gas, HHV: heat content of gas consumed in the U.S. in 2025, 1,036 Btu per cubic foot
(EIA, Natural Gas Consumption by Heat Content); states lie between 0.917 and 1.07."""

METRIC_TON_PER_SHORT_TON = 0.90718474
"""NIST SP 811 (2008), appendix B.8: short ton (2000 lb) in metric tons."""

KG_PER_METRIC_TON = 1000.0
"""By definition."""


def usd_per_kwh(usd_per_mwh: float) -> float:
    """A grid's USD/MWh as USD/kWh.

    >>> usd_per_kwh(34.04259)
    0.03404259
    """
    return round(usd_per_mwh * MWH_PER_KWH, 9)


def per_mwh(price_per_kwh: float) -> str:
    """A price of power as people of the field say it, in USD/MWh with its cents.

    >>> per_mwh(0.0815)
    '81.50'
    """
    return f"{price_per_kwh / MWH_PER_KWH + 0.0:.2f}"


def carbon_usd_per_mmbtu(price_per_metric_ton: float, kg_per_mmbtu: float = GAS_KG_CO2_PER_MMBTU_HHV) -> float:
    """What the CO2 of one MMBtu of gas costs.

    >>> round(carbon_usd_per_mmbtu(29.27), 4)
    1.5531
    """
    return price_per_metric_ton * kg_per_mmbtu / KG_PER_METRIC_TON
