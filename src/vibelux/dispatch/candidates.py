"""The finitely many set-points among which the best one of a step must be.

For given engines on, cost is piecewise linear in their powers: it bends only where the sum of power meets a limit of
the grid (no exchange, full import, full export) or the sum of heat meets one (demand, a boiler at its end, the dump).
Two sums bend, so at a vertex all engines but two stand at an end of their range, and those two are fixed by the
bends. A piecewise linear function on a box has its minimum at a vertex, whatever the prices and whether convex or
not; so all vertices are listed, and none depends on the market price.
"""

import itertools
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from vibelux.dispatch.step import TOLERANCE_KW, Array, EngineStep, Step

_OFF, _LOW, _HIGH, _BETWEEN = range(4)


def candidates(step: Step, *, obliged: bool = True) -> tuple[npt.NDArray[np.bool_], Array]:
    """All vertices: which engines are on, and their powers in kW; a row each.

    Args:
        step: the problem.
        obliged: whether engines that have to be on are (those that have to be off always are).
    """
    choices = [_choices(engine, obliged=obliged) for engine in step.engines]
    powers = _power_bends(step)
    heats = _heat_bends(step)
    on_rows: list[list[bool]] = []
    power_rows: list[list[float]] = []
    for states in itertools.product(*choices):
        if states.count(_BETWEEN) <= 2:
            for row in _vertices(step.engines, states, powers, heats):
                on_rows.append([state != _OFF for state in states])
                power_rows.append(row)
    shape = (len(on_rows), len(step.engines))
    return np.array(on_rows, dtype=np.bool_).reshape(shape), np.array(power_rows, dtype=np.float64).reshape(shape)


def _choices(engine: EngineStep, *, obliged: bool) -> tuple[int, ...]:
    """The positions to look at. Off comes first: of equal costs the earlier row is taken."""
    if engine.must is False:
        return (_OFF,)
    running = (_LOW, _HIGH, _BETWEEN) if engine.high_kw > engine.low_kw else (_LOW,)
    return running if engine.must and obliged else (_OFF, *running)


def _power_bends(step: Step) -> list[float]:
    """Sums of power at which the cost of the grid bends, as far as the engines reach."""
    bends = {step.power_kw, step.power_kw - step.import_max_kw, step.power_kw + step.export_max_kw}
    reach = sum(engine.high_kw for engine in step.engines)
    return sorted(bend for bend in bends if 0.0 <= bend <= reach)


def _heat_bends(step: Step) -> list[float]:
    """Sums of heat at which the cost of heat bends, as far as the engines reach."""
    bends = {step.heat_kw, step.heat_kw + step.dump_max_kw}
    bends.update(step.heat_kw - boilers for boilers in itertools.accumulate(one.high_kw for one in step.boilers))
    reach = sum(max(one.heat.at(one.low_kw), one.heat.at(one.high_kw)) for one in step.engines)
    return sorted(bend for bend in bends if 0.0 <= bend <= reach)


def _vertices(
    engines: Sequence[EngineStep], states: Sequence[int], powers: Sequence[float], heats: Sequence[float]
) -> Iterator[list[float]]:
    """The powers of all engines for one pattern of positions."""
    row = [
        engine.low_kw if state == _LOW else engine.high_kw if state == _HIGH else 0.0
        for engine, state in zip(engines, states, strict=True)
    ]
    between = [index for index, state in enumerate(states) if state == _BETWEEN]
    power_there = sum(row)
    heat_there = sum(
        engine.heat.at(power) for engine, power, state in zip(engines, row, states, strict=True) if state != _OFF
    )
    for solved in _solutions(
        [engines[index].heat.slope for index in between],
        [bend - power_there for bend in powers],
        [bend - heat_there for bend in heats],
    ):
        for index, power in zip(between, solved, strict=True):
            row[index] = min(max(power, engines[index].low_kw), engines[index].high_kw)
        if all(abs(row[index] - power) <= TOLERANCE_KW for index, power in zip(between, solved, strict=True)):
            yield row.copy()


def _solutions(slopes: Sequence[float], powers: Sequence[float], heats: Sequence[float]) -> Iterator[tuple[float, ...]]:
    """Powers of the engines in between, from what power and heat still lack at the bends."""
    if not slopes:
        yield ()
    elif len(slopes) == 1:
        yield from ((power,) for power in powers)
        if slopes[0] != 0:
            yield from ((heat / slopes[0],) for heat in heats)
    elif abs(slopes[0] - slopes[1]) > 1e-12:
        for power, heat in itertools.product(powers, heats):
            first = (heat - slopes[1] * power) / (slopes[0] - slopes[1])
            yield first, power - first
