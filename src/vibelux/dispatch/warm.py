"""A linear program that is solved again and again with other bounds, each time from where the last one ended."""

from dataclasses import dataclass
from typing import Any

import highspy
import numpy as np

from vibelux.dispatch import highs
from vibelux.dispatch.document import Array
from vibelux.dispatch.highs import Answer
from vibelux.dispatch.linear import Index, Program


@dataclass(frozen=True)
class Basis:
    """Where a solve ended: one byte a column and a row, so that it can be kept for thousands of facilities."""

    columns: bytes
    rows: bytes


class WarmProgram:
    """A program with its integers free between their bounds, or held."""

    def __init__(self, program: Program, basis: Basis | None = None) -> None:
        self.program = program
        self.integers: Index = np.flatnonzero(program.integer).astype(np.int32)
        self._solver: Any = highs.loaded(program)
        if basis is not None and (len(basis.columns), len(basis.rows)) == (len(program.cost), len(program.row_lower)):
            started = highspy.HighsBasis()
            started.col_status = [_STATUS[code] for code in basis.columns]
            started.row_status = [_STATUS[code] for code in basis.rows]
            started.valid = True
            self._solver.setBasis(started)

    def relaxed(self) -> Answer:
        """The integers between their bounds."""
        self._bounds(self.program.lower[self.integers], self.program.upper[self.integers])
        return self._run()

    def held(self, values: Array) -> Answer:
        """The integers at these values, shape (columns,)."""
        self._bounds(values[self.integers], values[self.integers])
        return self._run()

    def basis(self) -> Basis:
        """Where the last solve ended."""
        found = self._solver.getBasis()
        return Basis(
            bytes(int(status) for status in found.col_status), bytes(int(status) for status in found.row_status)
        )

    def _bounds(self, lower: Array, upper: Array) -> None:
        self._solver.changeColsBounds(len(self.integers), self.integers, lower, upper)

    def _run(self) -> Answer:
        self._solver.run()
        return highs.answer(self._solver, linear=True)


_STATUS = {int(status): status for status in highspy.HighsBasisStatus.__members__.values()}
