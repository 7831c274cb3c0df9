"""What commands need of the configuration: the settings, found in the usual places."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from vibelux.market.errors import UsageError

if TYPE_CHECKING:
    from vibelux.config import Settings

USUAL = Path("vibelux.toml")


def load_settings(config: str | None, **overrides: Any) -> "Settings":
    """Settings from `--config`, else from `vibelux.toml` in the working folder where there is one.

    Raises:
        UsageError: the named file is not there.
        ConfigError: it is wrong; the text says where.
    """
    from vibelux.config import Settings

    path = Path(config) if config else USUAL if USUAL.exists() else None
    if config and path is not None and not path.is_file():
        raise UsageError(f"{config}: no such configuration file")
    return Settings.load(path, **{name: value for name, value in overrides.items() if value is not None})
