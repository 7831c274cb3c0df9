"""A linear program that is solved again and again with other numbers, each time from where the last one ended."""

from collections.abc import Callable
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


@dataclass(frozen=True, eq=False)
class Basis:
    """Where a solve ended, as the solver has it; to be kept for thousands of facilities.

    The statuses are reckoned only when another program or another process needs them: to ask the solver for its own
    list, or to give it one, takes longer than the few steps to the next solution.
    """

    native: Any
    size: tuple[int, int]
    """Columns and rows."""
    statuses: Callable[[], tuple[Codes, Codes]]
    """Of the columns and of the rows."""
    whole: bool = True
    """False for one that was put together, which the solver has to complete."""

    def __reduce__(self) -> tuple[Any, ...]:
        columns, rows = self.statuses()
        return _basis, (columns, rows, self.whole)

    def brought(self, program: Program, columns: Index, rows: Index) -> "Basis":
        """For another program: `columns` and `rows` are where each of its stood in this, -1 for what is new."""
        column_codes, row_codes = self.statuses()
        return _basis(
            _fitting(_taken(column_codes, columns, _LOWER), program.lower, program.upper),
            _fitting(_taken(row_codes, rows, _BASIC), program.row_lower, program.row_upper),
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
        values, row_values = np.array(solution.col_value), np.array(solution.row_value)
        basic = np.array(solver.getBasicVariables()[1])

        def statuses() -> tuple[Codes, Codes]:
            columns = _nonbasic(values, program.lower, program.upper)
            rows = _nonbasic(row_values, program.row_lower, program.row_upper)
            columns[basic[basic >= 0]] = _BASIC
            rows[-1 - basic[basic < 0]] = _BASIC
            return columns, rows

        return Basis(solver.getBasis(), (len(values), len(row_values)), statuses)

    def _run(self, lower: Array, upper: Array, basis: Basis | None, *, duals: bool) -> Answer:
        self._solver.changeColsBounds(len(self.integers), self.integers, lower, upper)
        start = basis is not None and self._starts_from(basis)
        # A basis of other prices is still within all limits: the primal method goes on from there. Other limits
        # leave the prices right: that is for the dual method.
        self._solver.setOptionValue("simplex_strategy", _PRIMAL if start else _DUAL)
        self._solver.run()
        return highs.answer(self._solver, linear=True, duals=duals)

    def _starts_from(self, basis: Basis) -> bool:
        if basis.size != (len(self.program.cost), len(self.program.row_lower)):
            return False
        self._solver.setBasis(basis.native)
        return basis.whole


def _basis(columns: Codes, rows: Codes, whole: bool) -> Basis:
    native = highspy.HighsBasis()
    native.col_status = list(map(_STATUS.__getitem__, columns.tobytes()))
    native.row_status = list(map(_STATUS.__getitem__, rows.tobytes()))
    native.valid = True
    native.alien = not whole
    return Basis(native, (len(columns), len(rows)), lambda: (columns, rows), whole)


def _taken(codes: Codes, place: Index, otherwise: int) -> Codes:
    taken: Codes = np.where(place >= 0, codes[place], np.uint8(otherwise))
    return taken


def _fitting(codes: Codes, lower: Array, upper: Array) -> Codes:
    """Statuses that the bounds allow: none is at a bound that it does not have."""
    codes = np.where((codes == _UPPER) & np.isinf(upper), _LOWER, codes)
    other = np.where(np.isinf(upper), _ZERO, _UPPER)
    fitting: Codes = np.where((codes == _LOWER) & np.isinf(lower), other, codes).astype(np.uint8)
    return fitting


def _nonbasic(values: Array, lower: Array, upper: Array) -> Codes:
    """The status of each value as if none were basic: at the bound that is nearer."""
    codes = np.where(upper - values < values - lower, _UPPER, _LOWER)
    statuses: Codes = np.where(np.isinf(lower) & np.isinf(upper), _ZERO, codes).astype(np.uint8)
    return statuses
