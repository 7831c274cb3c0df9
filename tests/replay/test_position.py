import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest

from vibelux.market.clock import FrozenClock
from vibelux.replay.position import keep_remembering, recall, remember

MOMENT = datetime(2026, 4, 14, 15, 42, 7, 125000, tzinfo=UTC)


def test_a_remembered_moment_is_recalled_exactly(tmp_path: Path) -> None:
    path = tmp_path / "data" / "position"
    assert recall(path) is None
    remember(path, MOMENT)
    assert recall(path) == MOMENT
    assert [file.name for file in path.parent.iterdir()] == ["position"]


@pytest.mark.parametrize("damaged", [b"", b"2026-04-14T15:42", b"\xff\xfe", b"tomorrow"])
def test_a_damaged_position_is_as_none(tmp_path: Path, damaged: bytes) -> None:
    (tmp_path / "position").write_bytes(damaged)
    assert recall(tmp_path / "position") is None


async def test_the_clock_is_followed_and_its_last_moment_kept_on_the_way_out(tmp_path: Path) -> None:
    clock = FrozenClock(MOMENT)
    task = asyncio.create_task(keep_remembering(tmp_path / "position", clock, every_seconds=0.01))
    await asyncio.sleep(0.005)
    assert recall(tmp_path / "position") == MOMENT
    clock.move(30)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert recall(tmp_path / "position") == clock.now()
