"""A mixed-integer linear program, gathered block by block with numpy and handed to HiGHS in one call.

Columns and rows are arrays of numbers, one a step; nothing here goes row by row in Python.
"""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from vibelux.dispatch.document import Array, Steps

Index = npt.NDArray[np.int32]

Values = Array | float


@dataclass(frozen=True)
class Program:
    """Minimise `cost @ x + offset` where `lower <= x <= upper`, `row_lower <= A x <= row_upper`; A is held by rows."""

    cost: Array
    lower: Array
    upper: Array
    integer: npt.NDArray[np.bool_]
    row_lower: Array
    row_upper: Array
    row_start: Index
    column: Index
    value: Array
    offset: float
    column_labels: "Labels"
    row_labels: "Labels"


@dataclass(frozen=True)
class Labels:
    """Where each column or row comes from: its block, by number, and its step, or its place where it has none."""

    block: Index
    at: Index
    timed: npt.NDArray[np.bool_]
    """Whether `at` is a step."""

    def found_in(self, other: "Labels", step_of: Steps) -> Index:
        """Where each of these stood in another program of the same plant, -1 where it had no such; shape of `block`.

        Args:
            other: the other program's.
            step_of: which step of the other each of this program's steps was.
        """
        steps = int(max(other.at.max(initial=0), self.at.max(initial=0), step_of.max(initial=0))) + 1
        blocks = int(max(other.block.max(initial=0), self.block.max(initial=0))) + 1
        place = np.full((blocks, steps), -1, dtype=np.int32)
        place[other.block, other.at] = np.arange(len(other.block))
        at = np.where(self.timed, step_of[np.where(self.timed, self.at, 0)], self.at)
        found: Index = place[self.block, at]
        return found


@dataclass
class Builder:
    """Gathers a program of some steps."""

    steps: int
    offset: float = 0.0
    _columns: int = 0
    _rows: int = 0
    _column_at: list[Steps | int] = field(default_factory=list)
    _row_at: list[Steps | int] = field(default_factory=list)
    _column_blocks: list[tuple[Array, Array, Array, npt.NDArray[np.bool_]]] = field(default_factory=list)
    _more_cost: list[tuple[Index, Array]] = field(default_factory=list)
    _row_blocks: list[tuple[Array, Array]] = field(default_factory=list)
    _entries: list[tuple[Index, Index, Array]] = field(default_factory=list)

    def columns(
        self,
        count: int,
        *,
        cost: Values = 0.0,
        lower: Values = 0.0,
        upper: Values = np.inf,
        integer: bool = False,
        at: Steps | None = None,
    ) -> Index:
        """New variables, one for each step or for the steps `at`; another number of them belongs to no step.

        Returns:
            their numbers, shape (count,).
        """
        block = [np.empty(count), np.empty(count), np.empty(count)]
        for into, values in zip(block, (cost, lower, upper), strict=True):
            into[:] = values
        self._column_blocks.append((block[0], block[1], block[2], np.full(count, integer)))
        self._column_at.append(count if at is None else at)
        self._columns += count
        return np.arange(self._columns - count, self._columns, dtype=np.int32)

    def add_cost(self, columns: Index, values: Values) -> None:
        """Adds to the cost of columns that exist."""
        wide = np.empty(len(columns))
        wide[:] = values
        self._more_cost.append((columns, wide))

    def rows(self, count: int, *, lower: Values = -np.inf, upper: Values = np.inf, at: Steps | None = None) -> Index:
        """New rows, empty as yet, one for each step or for the steps `at`; another number of them belongs to no step.

        Returns:
            their numbers, shape (count,).
        """
        low, high = np.empty(count), np.empty(count)
        low[:] = lower
        high[:] = upper
        self._row_blocks.append((low, high))
        self._row_at.append(count if at is None else at)
        self._rows += count
        return np.arange(self._rows - count, self._rows, dtype=np.int32)

    def put(self, rows: Index, columns: Index, values: Values) -> None:
        """Adds `values * columns` to rows, entry by entry; a column comes once in a row.

        The three are broadcast to one shape; zeros are left out.
        """
        wide = np.empty(len(rows))
        wide[:] = values
        kept = wide != 0
        if not kept.all():
            rows, columns, wide = rows[kept], columns[kept], wide[kept]
        self._entries.append((rows, columns, wide))

    def put_windows(self, rows: Index, columns: Index, first: npt.NDArray[np.intp], last: npt.NDArray[np.intp]) -> None:
        """Adds the sum of `columns[first[k]] … columns[last[k]]` to `rows[k]`, all k at once."""
        lengths = last - first + 1
        ends = np.cumsum(lengths)
        within = np.arange(ends[-1] if len(ends) else 0) - np.repeat(ends - lengths, lengths)
        self.put(np.repeat(rows, lengths), columns[np.repeat(first, lengths) + within], 1.0)

    def program(self) -> Program:
        """What was gathered."""
        cost, lower, upper, integer = (np.concatenate(parts) for parts in zip(*self._column_blocks, strict=True))
        for at, more in self._more_cost:
            cost[at] += more
        row_lower, row_upper = (np.concatenate(parts) for parts in zip(*self._row_blocks, strict=True))
        rows, columns, values = (np.concatenate(parts) for parts in zip(*self._entries, strict=True))
        order = np.argsort(rows, kind="stable")
        starts = np.zeros(self._rows + 1, dtype=np.int32)
        np.cumsum(np.bincount(rows, minlength=self._rows), out=starts[1:])
        return Program(
            cost=cost,
            lower=lower,
            upper=upper,
            integer=integer,
            row_lower=row_lower,
            row_upper=row_upper,
            row_start=starts,
            column=columns[order],
            value=values[order],
            offset=self.offset,
            column_labels=self._labels(self._column_at),
            row_labels=self._labels(self._row_at),
        )

    def _labels(self, blocks: list[Steps | int]) -> Labels:
        here = np.arange(max([self.steps, *(block for block in blocks if isinstance(block, int))]))
        at = [here[:block] if isinstance(block, int) else block for block in blocks]
        lengths = [len(steps) for steps in at]
        timed = [not isinstance(block, int) or block == self.steps for block in blocks]
        return Labels(
            block=np.repeat(np.arange(len(blocks), dtype=np.int32), lengths),
            at=np.concatenate(at).astype(np.int32),
            timed=np.repeat(timed, lengths),
        )
