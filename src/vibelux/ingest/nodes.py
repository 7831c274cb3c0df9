"""Which nodes a nodal feed asks for: those of the facilities, and the grid's hubs so that there is always a price."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from vibelux.feeds import Feed

Nodes = Callable[[Feed], Sequence[str]]
"""Says at each poll which nodes a feed asks for, as facilities come and go."""

HUBS: Mapping[str, tuple[str, ...]] = {
    "caiso": ("TH_NP15_GEN-APND", "TH_SP15_GEN-APND", "TH_ZP26_GEN-APND"),
    "pjm": ("PJM-RTO", "WESTERN HUB"),
    "ercot": ("HB_NORTH", "HB_HOUSTON", "HB_SOUTH", "HB_WEST"),
    "nyiso": ("N.Y.C.", "CAPITL"),
}
"""By provider, in upstream's own spelling."""


def with_hubs(feed: Feed, wanted: Iterable[str] = ()) -> tuple[str, ...]:
    """The wanted nodes and the hubs, each once, in a steady order; none for a feed whose requests name no nodes."""
    if not feed.nodal:
        return ()
    return tuple(dict.fromkeys([*HUBS.get(feed.provider, ()), *sorted(wanted)]))
