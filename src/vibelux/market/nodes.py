"""The hubs, zones and trading hubs that the grids are known by, and where they lie.

Names are upstream's own. Coordinates are of one or a few towns in the middle of what a name stands for, from public
maps; no grid publishes its borders as points. Which zone a place is in is therefore the nearest of these towns: a
good first guess, and wrong near a border. The utility's bill tells for sure.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from math import asin, cos, radians, sin, sqrt

Point = tuple[float, float]
"""Latitude and longitude in degrees."""

_EARTH_KM = 6371.0
_ALIKE = 0.6


@dataclass(frozen=True, slots=True)
class Node:
    """A name under which a grid publishes prices."""

    iso_region: str
    pricing_node: str
    node_type: str
    """`hub`, `zone`, `dlap` (CAISO's default load aggregation points), `aggregate` (of all or many zones) or
    `interface` (a neighbour)."""
    place: str
    """Where it is, in words."""
    points: tuple[Point, ...] = ()
    """The towns that stand for it, the representative one first; none where it has no place of its own."""

    @property
    def latitude(self) -> float | None:
        """Of the representative town, degrees north."""
        return self.points[0][0] if self.points else None

    @property
    def longitude(self) -> float | None:
        """Of the representative town, degrees east."""
        return self.points[0][1] if self.points else None

    def km_from(self, place: Point) -> float | None:
        """How far the nearest of its towns is."""
        return min((_km(place, point) for point in self.points), default=None)


def _nodes(iso_region: str, node_type: str, *rows: tuple[str, str, tuple[Point, ...]]) -> Iterator[Node]:
    for name, place, points in rows:
        yield Node(iso_region, name, node_type, place, points)


_CAISO = (
    *_nodes(
        "CAISO",
        "hub",
        ("TH_NP15_GEN-APND", "north of Path 15", ((37.8, -122.0), (39.5, -121.6), (40.8, -124.1), (36.7, -121.6))),
        ("TH_SP15_GEN-APND", "south of Path 26", ((34.05, -118.25), (33.8, -116.5), (32.72, -117.16), (34.4, -119.7))),
        ("TH_ZP26_GEN-APND", "between Path 15 and Path 26", ((35.9, -119.9), (35.37, -119.02), (35.28, -120.66))),
    ),
    *_nodes(
        "CAISO",
        "dlap",
        (
            "DLAP_PGAE-APND",
            "Pacific Gas and Electric",
            ((37.77, -122.42), (36.74, -119.79), (38.58, -121.49), (40.59, -122.39), (35.37, -119.02), (36.6, -121.89)),
        ),
        (
            "DLAP_SCE-APND",
            "Southern California Edison",
            ((34.06, -117.65), (36.33, -119.29), (34.42, -119.7), (33.83, -116.55), (34.9, -117.02)),
        ),
        ("DLAP_SDGE-APND", "San Diego Gas and Electric", ((32.72, -117.16), (33.2, -117.38))),
        ("DLAP_VEA-APND", "Valley Electric Association, Nevada", ((36.21, -115.98),)),
    ),
)
_PJM = (
    *_nodes(
        "PJM",
        "hub",
        ("WESTERN HUB", "central Pennsylvania to northern Virginia", ((40.0, -78.2),)),
        ("EASTERN HUB", "Delmarva and New Jersey", ((39.4, -75.5),)),
        ("NEW JERSEY HUB", "New Jersey", ((40.2, -74.6),)),
        ("DOMINION HUB", "Virginia", ((37.5, -77.5),)),
        ("AEP-DAYTON HUB", "Ohio to Virginia", ((39.8, -83.2),)),
        ("AEP GEN HUB", "generators of AEP", ((38.9, -82.1),)),
        ("ATSI GEN HUB", "generators of northern Ohio", ((41.3, -81.6),)),
        ("OHIO HUB", "Ohio", ((40.3, -82.7),)),
        ("CHICAGO HUB", "Chicago", ((41.85, -87.8),)),
        ("CHICAGO GEN HUB", "generators around Chicago", ((41.6, -88.1),)),
        ("N ILLINOIS HUB", "northern Illinois", ((41.9, -88.9),)),
        ("WEST INT HUB", "western interfaces", ()),
    ),
    *_nodes(
        "PJM",
        "zone",
        ("AECO", "Atlantic City Electric, New Jersey", ((39.36, -74.42), (39.49, -75.03))),
        (
            "AEP",
            "American Electric Power",
            ((39.96, -83.0), (37.27, -79.94), (38.35, -81.63), (41.08, -85.14), (40.8, -81.38), (37.78, -81.19)),
        ),
        ("APS", "Allegheny Power", ((40.3, -79.54), (39.64, -77.72), (39.63, -79.96), (39.27, -81.56))),
        ("ATSI", "northern Ohio", ((41.5, -81.69), (41.08, -81.52), (41.65, -83.54), (41.0, -80.35))),
        ("BGE", "Baltimore", ((39.29, -76.61),)),
        ("COMED", "northern Illinois", ((41.88, -87.63), (42.27, -89.09), (41.33, -89.09))),
        ("DAY", "Dayton, Ohio", ((39.76, -84.19), (40.28, -84.16))),
        ("DEOK", "Cincinnati", ((39.1, -84.51),)),
        ("DOM", "Dominion, Virginia", ((37.54, -77.44), (36.85, -76.29), (38.9, -77.4), (38.03, -78.48))),
        ("DPL", "Delmarva", ((39.16, -75.52), (38.36, -75.6), (39.74, -75.55))),
        ("DUQ", "Pittsburgh", ((40.44, -80.0),)),
        ("EKPC", "East Kentucky", ((37.99, -84.18), (37.09, -84.6))),
        ("JCPL", "northern and coastal New Jersey", ((40.8, -74.48), (39.98, -74.2))),
        ("METED", "Reading and York, Pennsylvania", ((40.34, -75.93), (39.96, -76.73))),
        ("PECO", "Philadelphia", ((39.95, -75.17), (40.05, -75.5))),
        ("PENELEC", "western and northern Pennsylvania", ((40.33, -78.92), (42.13, -80.09), (41.77, -76.44))),
        ("PEPCO", "Washington and its Maryland suburbs", ((38.91, -77.04), (39.08, -77.15))),
        ("PPL", "eastern Pennsylvania", ((40.6, -75.49), (40.04, -76.31), (40.27, -76.88), (41.41, -75.66))),
        ("PSEG", "Newark to Trenton, New Jersey", ((40.74, -74.17), (40.22, -74.76))),
        ("RECO", "Rockland Electric, New Jersey", ((41.09, -74.14),)),
        ("OVEC", "Ohio Valley Electric, without customers", ()),
    ),
    *_nodes("PJM", "aggregate", ("PJM-RTO", "all of PJM", ()), ("MID-ATL/APS", "Mid-Atlantic and Allegheny", ())),
)
_ERCOT = (
    *_nodes(
        "ERCOT",
        "hub",
        ("HB_NORTH", "Dallas, Fort Worth and the north-east", ((32.78, -96.8), (32.35, -95.3))),
        ("HB_HOUSTON", "Houston", ((29.76, -95.37),)),
        ("HB_SOUTH", "San Antonio to the Gulf coast", ((28.8, -97.9), (30.27, -97.74), (26.2, -98.23))),
        ("HB_WEST", "Abilene to Midland", ((32.0, -102.08), (32.45, -99.73), (31.46, -100.44))),
        ("HB_PAN", "the Panhandle", ((35.2, -101.83),)),
    ),
    *_nodes(
        "ERCOT",
        "zone",
        ("LZ_NORTH", "north Texas", ((32.78, -96.8), (32.35, -95.3), (31.55, -97.15))),
        ("LZ_HOUSTON", "Houston", ((29.76, -95.37),)),
        ("LZ_SOUTH", "south Texas", ((27.8, -97.4), (26.2, -98.23), (27.51, -99.51))),
        ("LZ_WEST", "west Texas", ((32.0, -102.08), (32.45, -99.73), (31.46, -100.44))),
        ("LZ_AEN", "Austin Energy", ((30.27, -97.74),)),
        ("LZ_CPS", "San Antonio (CPS Energy)", ((29.42, -98.49),)),
        ("LZ_LCRA", "Lower Colorado River Authority", ((30.05, -98.2), (29.7, -96.9))),
        ("LZ_RAYBN", "Rayburn Electric Cooperative", ((32.93, -96.1),)),
    ),
    *_nodes(
        "ERCOT",
        "aggregate",
        ("HB_HUBAVG", "mean of the four hubs", ()),
        ("HB_BUSAVG", "mean of the hubs' buses", ()),
    ),
)
_NYISO = (
    *_nodes(
        "NYISO",
        "zone",
        ("WEST", "zone A, Buffalo", ((42.89, -78.88), (42.1, -79.24))),
        ("GENESE", "zone B, Rochester", ((43.16, -77.61),)),
        ("CENTRL", "zone C, Syracuse", ((43.05, -76.15), (42.09, -76.8), (42.1, -75.91))),
        ("NORTH", "zone D, Plattsburgh", ((44.7, -73.45), (44.93, -74.89))),
        ("MHK VL", "zone E, Utica and Watertown", ((43.1, -75.23), (43.97, -75.91), (42.45, -75.06))),
        ("CAPITL", "zone F, Albany", ((42.65, -73.75), (43.31, -73.64))),
        ("HUD VL", "zone G, Poughkeepsie", ((41.7, -73.92), (41.45, -74.42))),
        ("MILLWD", "zone H, northern Westchester", ((41.25, -73.8),)),
        ("DUNWOD", "zone I, Yonkers", ((40.94, -73.86),)),
        ("N.Y.C.", "zone J, New York City", ((40.71, -73.98),)),
        ("LONGIL", "zone K, Long Island", ((40.79, -73.13), (40.74, -73.59))),
    ),
    *_nodes(
        "NYISO",
        "interface",
        ("H Q", "Hydro-Québec", ()),
        ("NPX", "New England", ()),
        ("O H", "Ontario", ()),
        ("PJM", "PJM", ()),
    ),
)
CATALOGUE: tuple[Node, ...] = (*_CAISO, *_PJM, *_ERCOT, *_NYISO)
"""By grid, hubs first."""


def catalogue(iso_region: str | None = None) -> tuple[Node, ...]:
    """The nodes of one grid, or of all."""
    return tuple(node for node in CATALOGUE if iso_region in {None, node.iso_region})


def nearest_to(
    place: Point, iso_region: str, *, node_types: Iterable[str] = ("hub", "zone", "dlap"), limit: int = 3
) -> list[tuple[Node, float]]:
    """The nodes of a grid around a place, nearest first, with kilometres; approximate, see the module.

    >>> [node.pricing_node for node, _ in nearest_to((40.65, -73.95), "NYISO", limit=1)]
    ['N.Y.C.']
    """
    wanted = set(node_types)
    found = [
        (node, km)
        for node in catalogue(iso_region)
        if node.node_type in wanted and (km := node.km_from(place)) is not None
    ]
    return sorted(found, key=lambda pair: pair[1])[:limit]


def holding(text: str, iso_region: str | None = None) -> list[Node]:
    """The nodes whose name or place holds the text, whatever its case; those whose name begins with it first."""
    wanted = text.casefold()
    found = [node for node in catalogue(iso_region) if wanted in f"{node.pricing_node}\n{node.place}".casefold()]
    return sorted(found, key=lambda node: not node.pricing_node.casefold().startswith(wanted))


def alike(text: str, names: Iterable[str], limit: int = 5) -> list[str]:
    """Of some names those that look most like the text, best first; none where none does.

    >>> alike("HB_NROTH", ["HB_NORTH", "HB_SOUTH", "LZ_WEST"], limit=1)
    ['HB_NORTH']
    """
    by_folded = {name.casefold(): name for name in names}
    return [by_folded[name] for name in get_close_matches(text.casefold(), by_folded, n=limit, cutoff=_ALIKE)]


def _km(one: Point, other: Point) -> float:
    """Great-circle distance."""
    (lat1, lon1), (lat2, lon2) = (tuple(map(radians, point)) for point in (one, other))
    half = sin((lat2 - lat1) / 2) ** 2 + cos(lat1) * cos(lat2) * sin((lon2 - lon1) / 2) ** 2
    return 2 * _EARTH_KM * asin(sqrt(half))
