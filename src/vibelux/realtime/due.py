"""Which facilities are to be decided for, and which of them first."""

from collections.abc import Iterable


class Due:
    """A line of facilities, each once, in the order in which they came; urgent ones go before the others."""

    def __init__(self) -> None:
        self._line: dict[str, None] = {}
        self._urgent: dict[str, None] = {}

    def __len__(self) -> int:
        return len(self._line)

    def add(self, facility_id: str, *, urgent: bool = False) -> None:
        """Puts a facility in line; one that has become urgent stays so until its turn."""
        self._line[facility_id] = None
        if urgent:
            self._urgent[facility_id] = None

    def update(self, facility_ids: Iterable[str]) -> None:
        """Puts several in line."""
        for facility_id in facility_ids:
            self.add(facility_id)

    def discard(self, facility_id: str) -> None:
        """Takes a facility out, if it is there."""
        self._line.pop(facility_id, None)
        self._urgent.pop(facility_id, None)

    def next(self) -> tuple[str, bool]:
        """Takes the next one out; and whether it was urgent."""
        facility_id = next(iter(self._urgent or self._line))
        urgent = facility_id in self._urgent
        self.discard(facility_id)
        return facility_id, urgent
