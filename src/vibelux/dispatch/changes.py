"""What if: changes of single fields of a case document, each written `PATH=VALUE`."""

import difflib
import re
from typing import Any

import msgspec

from vibelux.market.errors import UsageError

Step = str | int
"""A name, or the place in a list."""

_STEP = re.compile(r"\[([^\[\]]+)\]|(?:^|\.)([^.\[\]]+)")
_PATH = re.compile(rf"(?:{_STEP.pattern})+")


def change(document: Any, text: str) -> str:
    """Makes one change in the document.

    A path leads through names, places in lists (`chp[0]`) and ids (`chp.engine-1`, or `chp[engine 1.b]` where an id
    has a dot). The value is JSON, or else text. One number in place of a list of numbers stands for all of them.
    Whether the field exists and may have the value is for `read_case(document, must_read=[path])` to say.

    Args:
        document: the decoded JSON; it is changed.
        text: the change.

    Returns:
        the path in the form of error messages: `chp[0].rated_kw`.

    Raises:
        UsageError: the text is no change, or the path leads through something that is not there.
    """
    path, equals, written = text.partition("=")
    path = path.strip()
    if not equals or _PATH.fullmatch(path) is None:
        raise UsageError(f"{text}: should be PATH=VALUE, such as prices.gas_usd_per_mmbtu=6")
    holder, way = document, list[Step]()
    *before, (bracketed, named) = _STEP.findall(path)
    for outer in before:
        step = _step(holder, outer[0], outer[1], way, text)
        if isinstance(holder, dict) and holder.get(step) is None:
            holder[step] = {}
        holder = holder[step]
        way.append(step)
    step = _step(holder, bracketed, named, way, text)
    holder[step] = _value(written, holder.get(step) if isinstance(holder, dict) else holder[step])
    return _dotted([*way, step])


def _step(holder: Any, bracketed: str, named: str, way: list[Step], text: str) -> Step:
    """Where a name leads from here; a number in brackets is a place before it is an id."""
    name, here = bracketed or named, _dotted(way) or "the case"
    if isinstance(holder, dict):
        return name
    if not isinstance(holder, list):
        raise UsageError(f"{text}: {here} is no object and no list, so there is no {name} in it")
    ids = [one.get("id") if isinstance(one, dict) else None for one in holder]
    if name in ids and not bracketed.isdecimal():
        return ids.index(name)
    if name.isdecimal() and int(name) < len(holder):
        return int(name)
    known = [one for one in ids if isinstance(one, str)]
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"; did you mean {near[0]}?" if near else f": it has {len(holder)}, from 0" if name.isdecimal() else ""
    raise UsageError(f"{text}: the case has no {here}[{name}]{hint}")


def _value(written: str, before: Any) -> Any:
    try:
        value = msgspec.json.decode(written.encode())
    except msgspec.DecodeError:
        return written
    if _is_number(value) and isinstance(before, list) and before and all(_is_number(one) for one in before):
        return [value] * len(before)
    return value


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _dotted(way: list[Step]) -> str:
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in way).removeprefix(".")
