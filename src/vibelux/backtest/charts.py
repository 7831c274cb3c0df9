"""Charts as SVG of their own: lines over a common axis, bars, a waterfall. Nothing is fetched from anywhere."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from vibelux.dispatch.document import Array

_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 960, 240, 72, 12, 14, 28
COLOURS = ("#1b6ca8", "#d1495b", "#2e8b57", "#c98a00", "#6a4c93", "#00798c", "#7f5539", "#555b6e")
_MOST_POINTS = 1500


@dataclass(frozen=True)
class Curve:
    """A named series."""

    name: str
    values: Array
    colour: str


@dataclass(frozen=True)
class _Axis:
    """From values to heights."""

    low: float
    high: float

    @classmethod
    def over(cls, *values: Array) -> "_Axis":
        low = min(0.0, *(float(np.nanmin(one)) for one in values))
        high = max(0.0, *(float(np.nanmax(one)) for one in values))
        return cls(low, low + max(high - low, 1e-9) * 1.05)

    def y(self, value: float) -> float:
        return _TOP + (self.high - value) / (self.high - self.low) * (_HEIGHT - _TOP - _BOTTOM)

    def marks(self) -> list[str]:
        made = []
        for value in _round_values(self.low, self.high):
            at = self.y(value)
            made.append(f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{at:.1f}" y2="{at:.1f}" stroke="#dde1e8"/>')
            made.append(f'<text x="{_LEFT - 8}" y="{at + 4:.1f}" text-anchor="end">{value:,.6g}</text>')
        return made


def lines(title: str, curves: Sequence[Curve], label: Callable[[float], str], *, steps: bool = True) -> str:
    """Series of equal length over a common axis.

    Args:
        title: with the unit.
        curves: what is drawn.
        label: what stands below the axis at a share of it, from 0 to 1.
        steps: whether a value holds for its step; else points are joined. Long series are drawn by means.
    """
    drawn = [Curve(curve.name, _thinned(curve.values), curve.colour) for curve in curves]
    axis = _Axis.over(*(curve.values for curve in drawn))
    made = axis.marks()
    for curve in drawn:
        x = np.linspace(_LEFT, _WIDTH - _RIGHT, len(curve.values) + steps)
        y = [axis.y(float(value)) for value in curve.values]
        if steps:
            pairs = zip(np.repeat(x, 2)[1:-1], np.repeat(y, 2), strict=True)
        else:
            pairs = zip(x, np.asarray(y), strict=True)
        points = " ".join(f"{at:.1f},{height:.1f}" for at, height in pairs)
        made.append(
            f'<polyline fill="none" stroke="{curve.colour}" stroke-width="1.5" points="{points}">'
            f"<title>{escape(curve.name)}</title></polyline>"
        )
    for share in np.linspace(0, 1, 7):
        anchor = {0.0: "start", 1.0: "end"}.get(float(share), "middle")
        made.append(_below(_LEFT + share * (_WIDTH - _LEFT - _RIGHT), label(float(share)), anchor))
    return _figure(title, made, [(curve.name, curve.colour) for curve in curves])


def bars(title: str, groups: Sequence[str], curves: Sequence[Curve]) -> str:
    """Bars in groups, one of each series in each.

    Args:
        title: with the unit.
        groups: their names.
        curves: one value a group each.
    """
    axis = _Axis.over(*(curve.values for curve in curves))
    made, wide = axis.marks(), (_WIDTH - _LEFT - _RIGHT) / max(len(groups), 1)
    each = wide * 0.8 / max(len(curves), 1)
    for place, curve in enumerate(curves):
        for group, value in enumerate(curve.values):
            x = _LEFT + wide * (group + 0.1) + each * place
            told = f"{groups[group]}, {curve.name}: {value:,.2f}"
            made.append(_bar(axis, x, each * 0.92, 0.0, float(value), curve.colour, told))
    every = -(-len(groups) // 14)
    for group in range(0, len(groups), every):
        made.append(_below(_LEFT + wide * (group + 0.5), groups[group]))
    return _figure(title, made, [(curve.name, curve.colour) for curve in curves])


def waterfall(title: str, first: tuple[str, float], parts: Sequence[tuple[str, float]], last: tuple[str, float]) -> str:
    """From one sum to another, part by part; a part that lowers it is green."""
    levels = np.cumsum([first[1], *(usd for _, usd in parts)])
    axis = _Axis.over(levels, np.array([last[1]]))
    shown = [(first[0], 0.0, first[1], COLOURS[7])]
    for at, (name, usd) in enumerate(parts):
        shown.append((name, float(levels[at]), float(levels[at + 1]), COLOURS[2] if usd < 0 else COLOURS[1]))
    shown.append((last[0], 0.0, last[1], COLOURS[0]))
    made, wide = axis.marks(), (_WIDTH - _LEFT - _RIGHT) / len(shown)
    for at, (name, low, high, colour) in enumerate(shown):
        x = _LEFT + wide * at
        made.append(_bar(axis, x + wide * 0.1, wide * 0.8, low, high, colour, f"{name}: {high - low:,.2f}"))
        made.append(_below(x + wide / 2, name))
        middle = axis.y(max(low, high)) - 3
        made.append(f'<text x="{x + wide / 2:.1f}" y="{middle:.1f}" text-anchor="middle">{high - low:,.0f}</text>')
    return _figure(title, made, [])


def _bar(axis: _Axis, x: float, wide: float, low: float, high: float, colour: str, told: str) -> str:
    top, bottom = sorted((axis.y(low), axis.y(high)))
    return (
        f'<rect x="{x:.1f}" y="{top:.1f}" width="{wide:.1f}" height="{max(bottom - top, 0.5):.1f}" fill="{colour}">'
        f"<title>{escape(told)}</title></rect>"
    )


def _below(x: float, text: str, anchor: str = "middle") -> str:
    return f'<text x="{x:.1f}" y="{_HEIGHT - 8}" text-anchor="{anchor}">{escape(text)}</text>'


def _figure(title: str, made: Sequence[str], keys: Sequence[tuple[str, str]]) -> str:
    key = "".join(
        f'<span class="key"><i style="background:{colour}"></i>{escape(name)}</span>' for name, colour in keys
    )
    return (
        f"<figure><figcaption>{escape(title)}</figcaption><div>{key}</div>"
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(title)}">{"".join(made)}</svg></figure>'
    )


def _thinned(values: Array) -> Array:
    """Means of as many neighbours as leave a number of points that can be seen."""
    each = -(-len(values) // _MOST_POINTS)
    if each == 1:
        return values
    whole = values[: len(values) // each * each].reshape(-1, each)
    return np.asarray(whole.mean(axis=1))


def _round_values(low: float, high: float) -> list[float]:
    """Some four round numbers between two."""
    rough = (high - low) / 4
    size = 10.0 ** np.floor(np.log10(rough))
    step = next(size * by for by in (1, 2, 2.5, 5, 10) if size * by >= rough)
    return [float(value) for value in np.arange(np.ceil(low / step), np.floor(high / step) + 1) * step]
