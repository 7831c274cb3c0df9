"""A linear program that is solved again and again with other numbers, each time from where the last one ended."""

from dataclasses import dataclass
from typing import Any

import highspy
import numpy as np
import numpy.typing as npt

from vibelux.dispatch import highs
from vibelux.dispatch.document import Array
from vibelux.dispatch.highs import Answer
from vibelux.dispatch.linear import Index, Program

Codes = npt.NDArray[np.uint8]

_BASIC = int(highspy.HighsBasisStatus.kBasic)
_LOWER = int(highspy.HighsBasisStatus.kLower)
_UPPER = int(highspy.HighsBasisStatus.kUpper)
_ZERO = int(highspy.HighsBasisStatus.kZero)
_STATUS = tuple(highspy.HighsBasisStatus(code) for code in range(len(highspy.HighsBasisStatus.__members__)))
_DUAL, _PRIMAL = 1, 4
"""The solver's names for its simplex methods."""


@dataclass(frozen=True)
class Basis:
    """Where a solve ended: one byte a column and a row, so that it can be kept for thousands of facilities."""

    columns: bytes
    rows: bytes
    whole: bool = True
    """False for one that was put together, which the solver has to complete."""

    def brought(self, program: Program, columns: Index, rows: Index) -> "Basis":
        """For another program: `columns` and `rows` are where each of its stood in this, -1 for what is new."""
        return Basis(
            _fitting(_taken(self.columns, columns, _LOWER), program.lower, program.upper),
            _fitting(_taken(self.rows, rows, _BASIC), program.row_lower, program.row_upper),
            whole=False,
        )


class WarmProgram:
    """A program with its integers free between their bounds, or held."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.integers: Index = np.flatnonzero(program.integer).astype(np.int32)
        self._solver: Any = highs.loaded(program)

    def relaxed(self, basis: Basis | None = None, *, duals: bool = True) -> Answer:
        """The integers between their bounds, from a basis or else from where the last solve ended."""
        return self._run(self.program.lower[self.integers], self.program.upper[self.integers], basis, duals=duals)

    def held(self, values: Array, basis: Basis | None = None, *, duals: bool = True) -> Answer:
        """The integers at these values, shape (columns,)."""
        return self._run(values[self.integers], values[self.integers], basis, duals=duals)

    def basis(self) -> Basis:
        """Where the last solve, which found a solution, ended."""
        solver, program = self._solver, self.program
        solution = solver.getSolution()
        # Asking the solver for its own list of statuses takes ten times as long.
        basic = np.asarray(solver.getBasicVariables()[1])
        columns = _nonbasic(np.array(solution.col_value), program.lower, program.upper)
        rows = _nonbasic(np.array(solution.row_value), program.row_lower, program.row_upper)
        columns[basic[basic >= 0]] = _BASIC
        rows[-1 - basic[basic < 0]] = _BASIC
        return Basis(columns.tobytes(), rows.tobytes())

    def _run(self, lower: Array, upper: Array, basis: Basis | None, *, duals: bool) -> Answer:
        self._solver.changeColsBounds(len(self.integers), self.integers, lower, upper)
        start = basis is not None and self._starts_from(basis)
        # A basis of other prices is still within all limits: the primal method goes on from there. Other limits
        # leave the prices right: that is for the dual method.
        self._solver.setOptionValue("simplex_strategy", _PRIMAL if start else _DUAL)
        self._solver.run()
        return highs.answer(self._solver, linear=True, duals=duals)

    def _starts_from(self, basis: Basis) -> bool:
        if (len(basis.columns), len(basis.rows)) != (len(self.program.cost), len(self.program.row_lower)):
            return False
        started = highspy.HighsBasis()
        started.col_status = list(map(_STATUS.__getitem__, basis.columns))
        started.row_status = list(map(_STATUS.__getitem__, basis.rows))
        started.valid = True
        started.alien = not basis.whole
        self._solver.setBasis(started)
        return basis.whole


def _taken(codes: bytes, place: Index, otherwise: int) -> Codes:
    taken: Codes = np.where(place >= 0, np.frombuffer(codes, dtype=np.uint8)[place], np.uint8(otherwise))
    return taken


def _fitting(codes: Codes, lower: Array, upper: Array) -> bytes:
    """Statuses that the bounds allow: none is at a bound that it does not have."""
    codes = np.where((codes == _UPPER) & np.isinf(upper), _LOWER, codes)
    other = np.where(np.isinf(upper), _ZERO, _UPPER)
    return np.where((codes == _LOWER) & np.isinf(lower), other, codes).astype(np.uint8).tobytes()


def _nonbasic(values: Array, lower: Array, upper: Array) -> Codes:
    """The status of each value as if none were basic: at the bound that is nearer."""
    codes = np.where(upper - values < values - lower, _UPPER, _LOWER)
    statuses: Codes = np.where(np.isinf(lower) & np.isinf(upper), _ZERO, codes).astype(np.uint8)
    return statuses
