"""Writes `docs/reference/` from the code: `make reference`. A test compares, so the pages cannot drift."""

import argparse
import ast
import asyncio
import inspect
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast, get_args

from prometheus_client import CollectorRegistry
from pydantic import BaseModel

from vibelux.cli import main as command_line
from vibelux.config import PROVIDERS, ProviderSettings, Settings
from vibelux.market.clock import LiveClock
from vibelux.realtime.facility_metrics import FacilityMetrics
from vibelux.serve.app import create_app
from vibelux.serve.ports import Desk, ServeState, Store
from vibelux.store.database import Database
from vibelux.store.embedded import Embedded

PAGES = Path(__file__).parent / "reference"
_SOURCE = Path(inspect.getfile(Settings)).parent
_TABLES = frozenset({"providers", "telemetry", "costs", "alerts", "facilities"})
_METRICS = {
    "Counter": "counter",
    "Gauge": "gauge",
    "Histogram": "histogram",
    "GaugeMetricFamily": "gauge",
    "CounterMetricFamily": "counter",
}
_COLUMNS = """
SELECT class.relname, attribute.attname, format_type(attribute.atttypid, attribute.atttypmod),
       attribute.attnotnull, coalesce(col_description(class.oid, attribute.attnum), ''),
       coalesce(obj_description(class.oid), '')
FROM pg_class class JOIN pg_attribute attribute ON attribute.attrelid = class.oid
WHERE class.relkind IN ('r', 'p') AND NOT class.relispartition AND class.relnamespace = 'public'::regnamespace
  AND attribute.attnum > 0 AND NOT attribute.attisdropped
ORDER BY class.relname, attribute.attnum
"""


async def pages(db: Database) -> dict[str, str]:
    """Every page by its file's name; the tables are those of a migrated database."""
    return {
        "settings.md": settings(),
        "metrics.md": metrics(),
        "commands.md": commands(),
        "rest.md": rest(),
        "tables.md": await tables(db),
    }


def settings() -> str:
    """What an operator can set."""
    flat = [name for name in Settings.model_fields if name not in _TABLES]
    parts = [
        "# Settings\n",
        (
            "In the environment in upper case (`STALE_DATA_THRESHOLD`; the data folder is `VIBELUX_DATA_DIR`), in "
            "`vibelux.toml` in lower case (`stale_data_threshold`). The environment wins.\n"
        ),
        _fields(Settings, flat),
        "## Of each provider\n",
        (
            "`<PROVIDER>_ENABLED` and so on, `-` written as `_`; in the file also in a table `[providers.<provider>]`. "
            f"Providers: {', '.join(f'`{name}`' for name in PROVIDERS)}.\n"
        ),
        _fields(ProviderSettings, list(ProviderSettings.model_fields)),
        "## In the file only\n",
    ]
    for name in ("telemetry", "costs", "alerts"):
        for place, model in _models(f"[{name}]", Settings.model_fields[name].annotation):
            parts += [f"### `{place}`\n", _fields(model, list(model.model_fields))]
    return "\n".join(filter(None, parts))


def _models(place: str, annotation: Any) -> Iterator[tuple[str, type[BaseModel]]]:
    """The tables that an annotation means, each with its heading in the file, outer ones first."""
    if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
        for part in get_args(annotation):
            yield from _models(place, part)
        return
    yield place, annotation
    for name, field in annotation.model_fields.items():
        inner = place.strip("[]") + f".{name}"
        many = "tuple" in str(field.annotation)
        keyed = "dict" in str(field.annotation)
        yield from _models(f"[[{inner}]]" if many else f"[{inner}.<name>]" if keyed else f"[{inner}]", field.annotation)


def _fields(model: type[BaseModel], names: Iterable[str]) -> str:
    told, schema = _docstrings(model), model.model_json_schema()["properties"]
    rows = [(f"`{name}`", _type(schema[name]), _default(model, name), told.get(name, "")) for name in names]
    return _table(("setting", "is", "default", ""), rows)


def _docstrings(model: type[BaseModel]) -> dict[str, str]:
    """The text below each field, which Python itself forgets."""
    (body,) = ast.parse(inspect.getsource(model)).body
    found = {}
    for field, text in zip(cast("ast.ClassDef", body).body, cast("ast.ClassDef", body).body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant):
            found[ast.unparse(field.target)] = inspect.cleandoc(str(text.value.value))
    return found


def _type(schema: Mapping[str, Any]) -> str:
    if "anyOf" in schema:
        return " or ".join(_type(one) for one in schema["anyOf"] if one.get("type") != "null")
    if "enum" in schema:
        return ", ".join(f"`{one}`" for one in schema["enum"])
    if schema.get("format") == "password":
        return "secret"
    if "$ref" in schema:
        return "table" if schema["$ref"].rpartition("/")[2] != "AlertKind" else "kind of alert"
    names = {
        "string": "text",
        "boolean": "true or false",
        "integer": "whole number",
        "array": "list",
        "object": "table",
    }
    told: str = schema.get("type", "any")
    return names.get(told, told)


def _default(model: type[BaseModel], name: str) -> str:
    field = model.model_fields[name]
    if field.is_required():
        return "must be given"
    value = field.default_factory() if field.default_factory is not None else field.default  # type: ignore[call-arg]
    if value is None or value in ("", (), {}) or isinstance(value, BaseModel | tuple):  # tables are told below
        return ""
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def metrics() -> str:
    """What Prometheus is told, from the calls that register it and from the collectors that describe themselves."""
    rows = dict(sorted({**dict(_registered()), **dict(_described())}.items()))
    told = [
        (f"`{name}`", kind, ", ".join(f"`{label}`" for label in labels), text)
        for name, (kind, labels, text) in rows.items()
    ]
    return "# Metrics\n\nAt `GET /metrics`; a key is needed but from this machine.\n\n" + _table(
        ("metric", "type", "labels", ""), told
    )


def _registered() -> Iterator[tuple[str, tuple[str, Sequence[str], str]]]:
    for path in sorted(_SOURCE.rglob("*.py")):
        nodes = list(ast.walk(ast.parse(path.read_text())))
        tuples = {
            ast.unparse(node.targets[0]): node.value
            for node in nodes
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Tuple)
        }
        for call in nodes:
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in _METRICS:
                name, text, *labels = (*call.args, *(one.value for one in call.keywords if one.arg == "labels"))
                if isinstance(name, ast.Constant):
                    told = [label for one in labels for label in _texts(one, tuples)]
                    yield str(name.value), (_METRICS[call.func.id], told, ast.literal_eval(text))


def _texts(node: ast.expr, tuples: Mapping[str, ast.Tuple]) -> Iterator[str]:
    """The strings of a tuple, also of one that it takes in by name."""
    if isinstance(node, ast.Constant):
        yield str(node.value)
    elif isinstance(node, ast.Tuple):
        for one in node.elts:
            yield from _texts(one, tuples)
    else:
        yield from _texts(tuples[ast.unparse(node).lstrip("*")], tuples)


def _described() -> Iterator[tuple[str, tuple[str, Sequence[str], str]]]:
    for family in FacilityMetrics(cast("Any", None), CollectorRegistry()).describe():
        yield family.name, ("gauge", ("facility",), family.documentation)


def commands() -> str:
    """The command line, each command with what it takes."""
    parts = ["# Commands\n"]
    (verbs,) = (action for action in command_line.parser()._actions if isinstance(action, argparse._SubParsersAction))
    for name, text in command_line.COMMANDS.items():
        parts += [f"## vibelux {name}\n", _sentence(text), *_arguments(verbs.choices[name])]
    return "\n".join(filter(None, parts))


def _arguments(parser: argparse.ArgumentParser) -> Iterator[str]:
    """A table of a command's arguments, then those of its verbs."""
    own = [
        action
        for action in parser._actions
        if not isinstance(action, argparse._SubParsersAction | argparse._HelpAction)
    ]
    if own:
        yield _table(("argument", ""), [(_written(action), action.help or "") for action in own])
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            told = {one.dest: one.help for one in action._choices_actions}
            for verb, sub in action.choices.items():
                yield f"### {parser.prog} {verb}\n"
                yield _sentence(told[verb] or "")
                yield from _arguments(sub)


def _written(action: argparse.Action) -> str:
    value = action.metavar or (" or ".join(map(str, action.choices)) if action.choices else action.dest.upper())
    shown = f" {value}" if action.nargs != 0 and action.option_strings else ""
    needed = " (needed)" if action.option_strings and action.required else ""
    return f"`{', '.join(action.option_strings) or value}{shown}`{needed}"


def rest() -> str:
    """The routes, from the OpenAPI document."""
    state = ServeState(clock=LiveClock(), store=cast("Store", None), desk=cast("Desk", None), version="")
    document = create_app(state).openapi()
    rows = [
        (
            f"`{method.upper()} {path}`",
            operation.get("summary", ""),
            ", ".join(f"`{one['name']}`" for one in operation.get("parameters", ())),
        )
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    head = (
        "# Routes\n\nThe whole of it, with shapes and examples, is at `/openapi.json` of a running service; "
        "[REST and WebSocket](../rest.md) has the manners.\n\n"
    )
    return head + _table(("route", "", "parameters"), rows)


async def tables(db: Database) -> str:
    """The schema of a migrated database."""
    async with db.connection() as connection:
        found = await (await connection.execute(_COLUMNS)).fetchall()
    parts = ["# Tables\n", "As PostgreSQL has them after all migrations; partitions are left out.\n"]
    for table in dict.fromkeys(row[0] for row in found):
        columns = [row for row in found if row[0] == table]
        parts += [f"## {table}\n", _sentence(columns[0][5])]
        parts.append(
            _table(("column", "type", ""), [(f"`{c[1]}`", c[2] + (" not null" if c[3] else ""), c[4]) for c in columns])
        )
    return "\n".join(filter(None, parts))


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}.\n" if text else ""


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(
        f"| {' | '.join(' '.join(cell.split()).replace('|', '&#124;') for cell in line)} |\n" for line in lines
    )


async def _write() -> None:
    with tempfile.TemporaryDirectory() as folder:
        embedded = await Embedded.open(Path(folder))
        db = await Database.open(embedded.url, pool_size=1)
        try:
            for name, text in (await pages(db)).items():
                (PAGES / name).write_text(text)
        finally:
            await db.close()
            await embedded.close()


if __name__ == "__main__":
    asyncio.run(_write())
