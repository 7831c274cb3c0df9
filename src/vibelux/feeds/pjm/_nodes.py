"""PJM's hubs and zones by id: Data Miner's quick reports filter prices by `pnode_id` alone.

From PJM's own `pnode` list (recorded 2019-12-15); ids are kept for good. Any other node is named by its id.
"""

from collections.abc import Iterable

HUBS = {
    "AEP GEN HUB": 34497125,
    "AEP-DAYTON HUB": 34497127,
    "ATSI GEN HUB": 116013751,
    "CHICAGO GEN HUB": 33092311,
    "CHICAGO HUB": 33092313,
    "DOMINION HUB": 35010337,
    "EASTERN HUB": 51217,
    "N ILLINOIS HUB": 33092315,
    "NEW JERSEY HUB": 4669664,
    "OHIO HUB": 34497151,
    "WEST INT HUB": 51287,
    "WESTERN HUB": 51288,
}
ZONES = {
    "AECO": 51291,
    "AEP": 8445784,
    "APS": 8394954,
    "ATSI": 116013753,
    "BGE": 51292,
    "COMED": 33092371,
    "DAY": 34508503,
    "DEOK": 124076095,
    "DOM": 34964545,
    "DPL": 51293,
    "DUQ": 37737283,
    "EKPC": 970242670,
    "JCPL": 51295,
    "METED": 51296,
    "MID-ATL/APS": 3,
    "OVEC": 1709725933,
    "PECO": 51297,
    "PENELEC": 51300,
    "PEPCO": 51298,
    "PJM-RTO": 1,
    "PPL": 51299,
    "PSEG": 51301,
    "RECO": 7633629,
}


def ids_and_names(nodes: Iterable[str]) -> tuple[list[str], list[str]]:
    """The nodes as ids, and those that are known by name only; order kept, each once."""
    ids: list[str] = []
    names: list[str] = []
    for node in dict.fromkeys(nodes):
        number = HUBS.get(node) or ZONES.get(node)
        if number is not None:
            ids.append(str(number))
        elif node.isdecimal():
            ids.append(node)
        else:
            names.append(node)
    return ids, names
