"""Run a command so that it exits without a traceback, and with the status that shells expect.

This module imports nothing that would slow down `corsfast --version`.
"""

from __future__ import annotations

import errno
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypedDict

    class Apart(TypedDict, total=False):
        process_group: int


# 128 plus the signal number, as shells report a program that a signal has ended.
INTERRUPTED = 130
BROKEN_PIPE = 141
# The command could not run; argparse exits with the same status for wrong arguments.
UNABLE = 2

# If a write to standard output fails with one of these, the command reports it in one line.
_NOT_WRITTEN = (errno.EBADF, errno.EIO, errno.ENOSPC)
# On Windows this is the only error for a pipe without a reader.
_NO_READER = errno.EINVAL if os.name == "nt" else errno.EPIPE

# Keyword arguments for a child process. With them Ctrl-C on the terminal reaches only the command,
# which then ends its children. Otherwise each child would print a traceback as well.
APART: Apart = {"process_group": 0} if os.name == "posix" else {}


def run(command: Callable[[], int], name: str = "corsfast") -> int:
    """Run a command and flush what it printed; return the exit status.

    The status is 141 if the reader has gone (``| head``), and 130 after Ctrl-C. If the output
    cannot be written, it is 2, with one line on standard error. No traceback is printed.
    """
    if sys.stderr is None:  # closed by the caller: print() would write to standard output
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - to the very end
    if sys.stdout is None:
        print(f"{name}: standard output: {os.strerror(errno.EBADF)}", file=sys.stderr)
        return UNABLE
    try:
        try:
            return command()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
    except KeyboardInterrupt:
        _discard()
        return INTERRUPTED
    except OSError as error:
        if error.filename is not None or error.errno not in (_NO_READER, *_NOT_WRITTEN):
            raise
        _discard()
        if error.errno == _NO_READER:
            return BROKEN_PIPE
        print(f"{name}: standard output: {error.strerror}", file=sys.stderr)
        return UNABLE


def _discard() -> None:
    """Discard output that cannot be written, so that the interpreter's last flush succeeds."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream.fileno())
            os.close(nowhere)
