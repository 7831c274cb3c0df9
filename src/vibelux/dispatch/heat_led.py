"""What a plant does when prices are missing: it follows the heat demand, and needs no price for that."""

from vibelux.dispatch.economics import Flow, keeps_limits, set_point
from vibelux.dispatch.step import EngineStep, Step


def heat_led(step: Step) -> tuple[Flow, bool]:
    """Engines in their order make the heat that is needed and no more; an engine too big for the rest stays off.

    By hand: an engine of 1000 kW with 245 + 0.871 * power of heat and a demand of 900 kW runs at
    (900 - 245) / 0.871 = 751 kW.

    Returns:
        The set-point, and whether obligations to stay on were dropped, since they would break a limit.
    """
    flow = _follow(step, obliged=True)
    if keeps_limits(step, flow):
        return flow, False
    return _follow(step, obliged=False), True


def _follow(step: Step, *, obliged: bool) -> Flow:
    heat_left = step.heat_kw
    room_kw = step.power_kw + step.export_max_kw
    powers = dict.fromkeys((engine.id for engine in step.engines), 0.0)
    on = set()
    for engine in sorted(step.engines, key=lambda engine: engine.must is not True):
        fits = heat_left >= engine.heat.at(engine.low_kw) and room_kw >= engine.low_kw
        if engine.must is False or not (fits or (obliged and engine.must)):
            continue
        power = _power_for(engine, heat_left, room_kw)
        on.add(engine.id)
        powers[engine.id] = power
        heat_left -= engine.heat.at(power)
        room_kw -= power
    return set_point(step, [engine.id in on for engine in step.engines], list(powers.values()))


def _power_for(engine: EngineStep, heat_kw: float, room_kw: float) -> float:
    """The power at which an engine gives that heat, within its range and what the grid takes."""
    slope = engine.heat.slope
    wanted = (heat_kw - engine.heat.fixed) / slope if slope > 0 else engine.low_kw
    return max(engine.low_kw, min(wanted, engine.high_kw, room_kw))
