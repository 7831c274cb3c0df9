"""The server's view of the catalogue of pricing nodes, with the nodes seen where there is a database."""

from typing import Protocol

from fastapi import FastAPI, HTTPException, Request

from vibelux.market.nodes import CATALOGUE
from vibelux.market.regions import Region
from vibelux.serve.ports import Row
from vibelux.store import nodes
from vibelux.store.database import Database

_NEAREST = 5


class NodeFinder(Protocol):
    """Searches nodes. Raises StoreUnavailable while it cannot."""

    async def find(self, q: str, iso_region: str | None, limit: int) -> list[Row]:
        """See `store.nodes.find_nodes`."""
        ...

    async def knows(self, iso_region: str, pricing_node: str) -> bool:
        """Whether the node is in the catalogue or has been seen."""
        ...


class CatalogueOnly:
    """What is known without a database."""

    async def find(self, q: str, iso_region: str | None, limit: int) -> list[Row]:
        """Hubs and zones."""
        return nodes.searched(q, [], iso_region, limit)

    async def knows(self, iso_region: str, pricing_node: str) -> bool:
        """Whether it is a hub or a zone."""
        return any((node.iso_region, node.pricing_node) == (iso_region, pricing_node) for node in CATALOGUE)


class StoredNodes(CatalogueOnly):
    """The catalogue, and every node whose price has been stored."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def find(self, q: str, iso_region: str | None, limit: int) -> list[Row]:
        """Hubs, zones and nodes seen."""
        return await nodes.find_nodes(self._db, q, iso_region, limit)

    async def knows(self, iso_region: str, pricing_node: str) -> bool:
        """Whether it is a hub, a zone or has been seen."""
        return await super().knows(iso_region, pricing_node) or await nodes.is_seen(self._db, iso_region, pricing_node)


def use_nodes(app: FastAPI, finder: NodeFinder) -> FastAPI:
    """The app, with its finder."""
    app.state.nodes = finder
    return app


def finder_of(request: Request) -> NodeFinder:
    """The app's finder; without one, the catalogue."""
    finder: NodeFinder = getattr(request.app.state, "nodes", None) or CatalogueOnly()
    return finder


async def refuse_unknown(request: Request, grid: Region, node: str | None) -> None:
    """Where no price of a node is known and the node is not either, says so with the nearest names.

    Raises:
        HTTPException: 404.
    """
    finder = finder_of(request)
    if node is None or await finder.knows(grid.iso_region, node):
        return
    near = await finder.find(node, grid.iso_region, _NEAREST)
    raise HTTPException(404, {"error": "Unknown node", "detail": [row["pricing_node"] for row in near]})
