"""The limits of a plant as an energy manager would name them; the case's own names are in `docs/dispatch.md`."""

import re

_WORDS = (
    (r"grid\.import_max_kw", "how much the grid connection can draw"),
    (r"grid\.export_max_kw", "how much may be sold to the grid"),
    (r"heat\.dump_max_kw", "how much heat may be thrown away"),
    (r"boiler (\S+) rated_kw \* availability", r"the size of boiler \1"),
    (r"chp (\S+) rated_kw \* availability", r"the size of engine \1"),
    (r"chp (\S+) min_load", r"the least load of engine \1"),
    (r"heat_storage\.charge_max_kw", "how fast the heat store can be filled"),
    (r"heat_storage\.discharge_max_kw", "how fast the heat store can be emptied"),
    (r"heat_storage\.capacity_kwh", "the size of the heat store"),
    (r"heat_storage\.min_kwh", "what the heat store has to keep"),
    (r"battery\.charge_max_kw", "how fast the battery can be charged"),
    (r"battery\.discharge_max_kw", "how fast the battery can be discharged"),
    (r"battery\.capacity_kwh", "the size of the battery"),
    (r"battery\.min_kwh", "what the battery has to keep"),
    (r"lights (\S+) max_kw \* allowed", r"the size of lamps \1, or the hours in which they may burn"),
    (r"lights (\S+) targets\[\d+\] energy_kwh", r"the light that is asked of lamps \1"),
    (r"lights (\S+) targets\[\d+\] max_energy_kwh", r"the most light that lamps \1 may give"),
    (r"co2\.liquid_max_kg_per_h", "how fast liquid CO2 can be given"),
)


def in_words(limit: str) -> str:
    """A limit's name in words; one that has none keeps its name."""
    for pattern, words in _WORDS:
        if (found := re.fullmatch(pattern, limit)) is not None:
            return found.expand(words)
    return limit
