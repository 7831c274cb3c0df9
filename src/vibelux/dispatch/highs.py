"""HiGHS as this room uses it: one program in, one solution and its bound out. One thread, silent, repeatable."""

import math
from dataclasses import dataclass
from typing import Any

import highspy
import numpy as np
from highspy._core import _Highs

from vibelux.dispatch.document import Array
from vibelux.dispatch.linear import Program

_ROWWISE = int(highspy.MatrixFormat.kRowwise)
_MINIMIZE = int(highspy.ObjSense.kMinimize)


@dataclass(frozen=True)
class Answer:
    """What the solver found."""

    x: Array | None
    """None where it found nothing."""
    bound: float
    """No solution costs less, by the solver's word; minus infinity where it knows none."""
    infeasible: bool
    finished: bool
    """False where a limit stopped it."""
    row_dual: Array | None = None
    column_dual: Array | None = None
    """What one more unit of a limit changes the cost by; of linear programs only."""


def solve(
    program: Program,
    *,
    fixed: Array | None = None,
    relaxed: bool = False,
    time_limit: float = math.inf,
    gap: float = 0.0,
    presolve: bool = True,
    start: Array | None = None,
) -> Answer:
    """Solves a program.

    Args:
        program: what to minimise.
        fixed: values, shape (columns,), at which the integer columns are held: what is left is linear.
        relaxed: whether integer columns may take any value between their bounds.
        time_limit: seconds.
        gap: the relative gap at which the solver may stop.
        presolve: whether the solver may rewrite the program first.
        start: a solution, shape (columns,), whose integers it begins with; then it looks for better ones around it.
    """
    solver = _solver(_options(time_limit, gap, presolve=presolve, around=start is not None))
    lower, upper, integer = program.lower, program.upper, program.integer
    if fixed is not None:
        lower = np.where(integer, fixed, lower)
        upper = np.where(integer, fixed, upper)
    linear = relaxed or fixed is not None or not integer.any()
    whole = np.zeros(len(integer), dtype=np.int32) if linear else integer.astype(np.int32)
    _pass(solver, program, lower, upper, integer=whole)
    if start is not None:
        at = np.flatnonzero(integer).astype(np.int32)
        solver.setSolution(len(at), at, start[at])
    solver.run()
    return answer(solver, linear=linear)


def loaded(program: Program) -> Any:
    """A solver with the program in it, its integers not held to be whole, to be solved without presolve."""
    solver = _solver(_WARM)
    _pass(solver, program, program.lower, program.upper, integer=np.zeros(len(program.cost), dtype=np.int32))
    return solver


def _pass(solver: Any, program: Program, lower: Array, upper: Array, *, integer: Any) -> None:
    solver.passModel(
        len(program.cost),
        len(program.row_lower),
        len(program.value),
        _ROWWISE,
        _MINIMIZE,
        program.offset,
        program.cost,
        lower,
        upper,
        program.row_lower,
        program.row_upper,
        program.row_start,
        program.column,
        program.value,
        integer,
    )


def _solver(options: Any) -> Any:
    # The public class turns callbacks on, and with them prints a banner to stdout, before an option can be set.
    solver = _Highs()
    solver.passOptions(options)
    return solver


def _options(time_limit: float, gap: float, *, presolve: bool, around: bool = False) -> Any:
    options: Any = highspy.HighsOptions()
    options.output_flag = False
    options.threads = 1
    options.presolve = "choose" if presolve else "off"
    # These took two thirds of the time of a typical plant, and found nothing that diving did not. Where the
    # proof is not waited for they are what finds the best plan.
    options.mip_heuristic_run_feasibility_jump = False
    options.mip_heuristic_run_rins = around
    options.mip_heuristic_run_rens = around
    options.mip_heuristic_run_root_reduced_cost = around
    options.mip_rel_gap = gap
    options.mip_abs_gap = 1e-9
    options.time_limit = max(time_limit, 0.0)
    return options


_WARM = _options(math.inf, 0.0, presolve=False)


def answer(solver: Any, *, linear: bool, duals: bool = True) -> Answer:
    """What a solver that has run has found; `linear`: whether it had no integers, and then with its duals or not."""
    status = solver.getModelStatus()
    info = solver.getInfo()
    kinds = highspy.HighsModelStatus
    solution = solver.getSolution()
    has_solution = (
        solution.value_valid and info.primal_solution_status == highspy.SolutionStatus.kSolutionStatusFeasible
    )
    finished = status == kinds.kOptimal
    bound = -math.inf
    if linear and finished:
        bound = info.objective_function_value
    elif not linear and (finished or has_solution or status == kinds.kTimeLimit):
        bound = info.mip_dual_bound
    return Answer(
        x=np.array(solution.col_value) if has_solution else None,
        bound=bound,
        infeasible=status in {kinds.kInfeasible, kinds.kUnboundedOrInfeasible},
        finished=finished,
        row_dual=np.array(solution.row_dual) if linear and finished and duals else None,
        column_dual=np.array(solution.col_dual) if linear and finished and duals else None,
    )
