"""The tutorials: every block is saved, run, or compared with what came out, in the order of its page."""

import contextlib
import io
import re
import shlex
import shutil
from pathlib import Path
from typing import Any

import pytest

from vibelux.cli.main import main

ROOT = Path(__file__).parents[1]
TUTORIALS = ROOT / "docs" / "tutorials"
TRIED_ELSEWHERE = ("examples/home-assistant/configuration.yaml", "ops/prometheus/prometheus.yml")
"""Files that other tests try: tests/test_examples.py, tests/test_monitoring.py."""
_BLOCK = re.compile(r"(?P<before>[^\n]*)\n\n```(?P<language>\w*)\n(?P<body>.*?)\n```", re.DOTALL)
_SAVED_AS = re.compile(r"`([\w.-]+)`:$")


def blocks(page: str) -> list[tuple[str, str, str]]:
    """Of each fenced block of a page the line before it, its language and its text."""
    text = (TUTORIALS / page).read_text()
    found = [(one["before"], one["language"], one["body"]) for one in _BLOCK.finditer(text)]
    assert 2 * len(found) == text.count("```"), "a block that no rule knows"
    return found


def command(line: str) -> str:
    """Runs one of ours; what it wrote on both streams, or nothing where that went into a file."""
    words, _, file = line.partition(" > ")
    program, *arguments = shlex.split(words)
    assert program == "vibelux"
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out), contextlib.suppress(SystemExit):
        main(arguments)
    if not file:
        return out.getvalue()
    Path(file).write_text(out.getvalue())
    return ""


def walk(page: str) -> None:
    """Does what the page says, in the running folder."""
    names: dict[str, Any] = {}
    printed = ""
    for before, language, body in blocks(page):
        match language:
            case "toml" | "json":
                saved = _SAVED_AS.search(before)
                assert saved, f"no name for what follows {before!r}"
                Path(saved[1]).write_text(body)
            case "python":
                out = io.StringIO()
                with contextlib.redirect_stdout(out):
                    exec(compile(body, page, "exec"), names)  # noqa: S102 (the page is ours)
                printed = out.getvalue()
            case "console":
                for part in re.split(r"^\$ ", body, flags=re.MULTILINE)[1:]:
                    line, *shown = part.strip().split("\n")
                    written = command(line)
                    assert [one for one in shown if one not in written] == [], written
            case "yaml":
                texts = [(ROOT / name).read_text() for name in TRIED_ELSEWHERE]
                assert [one for one in texts if body in one or body in one.replace("# ", "")], body
            case "text":
                assert printed.split("\n")[: body.count("\n") + 1] == body.split("\n")
            case _:
                raise AssertionError(f"{page}: no rule for a block of {language!r}")


WALKS = (
    ("first-facility.md", "backtest.md", "several-machines.md"),
    ("reading-a-decision.md",),
    ("adding-a-feed.md",),
    ("home-assistant.md",),
    ("grafana.md",),
)
"""Pages that go on with what an earlier one saved stand together."""


@pytest.mark.parametrize("pages", WALKS)
def test_a_tutorial_does_what_it_says(pages: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(ROOT / "examples" / "feed", tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    for page in pages:
        walk(page)


def test_every_tutorial_is_walked_and_in_the_navigation() -> None:
    walked = sorted(page for pages in WALKS for page in pages)
    assert sorted(page.name for page in TUTORIALS.glob("*.md")) == walked
    navigation = (ROOT / "mkdocs.yml").read_text()
    assert [page for page in walked if f"tutorials/{page}" not in navigation] == []
