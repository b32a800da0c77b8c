"""The policy file on disk: its text, and who besides its owner could change it."""

import os
import stat
from pathlib import Path

from graph.law.policy import MAX_BYTES


class Unreadable(ValueError):
    """The file can't be read as a policy; the message says why."""


def read(path: Path) -> str:
    """The file's text; raises `Unreadable`, also for an empty one."""
    try:
        if not path.is_file():
            raise Unreadable(f"{path} is not a file")
        if path.stat().st_size > MAX_BYTES:
            raise Unreadable(f"{path} is larger than {MAX_BYTES // 1000} kB; that is more than anybody can read")
        text = path.read_bytes().decode("utf-8")
    except OSError as error:
        raise Unreadable(f"{path} can't be read ({error.strerror or type(error).__name__})") from None
    except UnicodeDecodeError:
        raise Unreadable(f"{path} can't be read (it is no UTF-8)") from None
    if not text.strip():
        raise Unreadable(f"{path} is empty; start from graph/policies/default.toml")
    return text


def exposures(path: Path) -> list[str]:
    """Sentences about how everybody on this machine could change what this path says; empty when nobody else can."""
    found, link = [], path
    for _ in range(40):
        if not link.is_symlink():
            break
        if _open_to_all(link.absolute().parent):
            found.append(f"{link} is a link in a directory in which everybody on this machine may write")
        link = link.parent / os.readlink(link)
    target = path.resolve()
    try:
        if target.stat().st_mode & stat.S_IWOTH:
            found.append(
                f"{path} is a link to {target}, which everybody on this machine may change"
                if path.is_symlink()
                else f"{path} may be changed by everybody on this machine"
            )
    except OSError:
        return found
    if _open_to_all(target.parent):
        found.append(f"{target.parent} is a directory in which everybody may replace {target.name}")
    return found


def _open_to_all(directory: Path) -> bool:
    """Whether everybody may replace files in it: writable by all and without the sticky bit."""
    try:
        mode = directory.stat().st_mode
    except OSError:
        return False
    return bool(mode & stat.S_IWOTH) and not mode & stat.S_ISVTX
