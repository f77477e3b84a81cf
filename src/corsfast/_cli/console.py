"""How every command ends: quietly when its reader is gone, and with the status that shells expect.

It imports nothing that `corsfast --version` would have to wait for.
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


# 128 and the number of the signal: what a shell reports for a program that the signal ended.
INTERRUPTED = 130
BROKEN_PIPE = 141
# Nothing could be done; argparse ends with the same for wrong arguments.
UNABLE = 2

# A write to standard output that fails with one of these is reported in one line.
_NOT_WRITTEN = (errno.EBADF, errno.EIO, errno.ENOSPC)
# Windows has no error for a pipe without a reader but this one.
_NO_READER = errno.EINVAL if os.name == "nt" else errno.EPIPE

# Keyword arguments for a child process: Ctrl-C on the terminal reaches the command alone, which
# ends its children. Otherwise each of them would print a traceback as well.
APART: Apart = {"process_group": 0} if os.name == "posix" else {}


def run(command: Callable[[], int], name: str = "corsfast") -> int:
    """Run a command and flush what it printed; return the exit status.

    A reader that has gone (``| head``) gives 141, Ctrl-C 130, an output that cannot be written
    2 with one line on standard error. None of them shows a traceback.
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
    """Send what cannot be written to nowhere, so that the interpreter's last flush succeeds."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream.fileno())
            os.close(nowhere)
