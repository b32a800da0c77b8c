"""Children for the kill harness: forked from a warm parent, killed without warning, waited for by exit code."""

import ctypes
import os
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable
from typing import Final

_LIBC: Final = ctypes.CDLL(None)
_PR_SET_PDEATHSIG: Final = 1


def fork(work: Callable[[], None]) -> int:
    """A child that does the work and exits without clean-up: 0, or 1 with its traceback on stderr."""
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)  # no orphans when the parent is killed itself
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        work()
        code = 0
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(code)


def kill(pid: int) -> int:
    """SIGKILL and reap; the exit code, negative when a signal ended it."""
    os.kill(pid, signal.SIGKILL)
    return reap(pid)


def reap(pid: int, timeout: float = 60.0) -> int:
    """Wait for a child to end; its exit code, negative when a signal ended it."""
    handle = os.pidfd_open(pid)
    try:
        if not select.select([handle], [], [], timeout)[0]:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            raise TimeoutError(f"child {pid} did not end within {timeout} s")
    finally:
        os.close(handle)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def ended(pid: int) -> int | None:
    """The exit code of a child that has ended by itself, or None while it lives."""
    done, status = os.waitpid(pid, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if done else None


def await_stop(pid: int, timeout: float = 30.0) -> bool:
    """Wait until a child has stopped itself; False when it ended instead."""
    until = time.monotonic() + timeout
    while time.monotonic() < until:
        done, status = os.waitpid(pid, os.WUNTRACED | os.WNOHANG)
        if done:
            return os.WIFSTOPPED(status)
        time.sleep(0.005)
    raise TimeoutError(f"child {pid} neither stopped nor ended within {timeout} s")
