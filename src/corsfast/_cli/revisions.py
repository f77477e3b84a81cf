"""Read a file as it was at a revision of the git repository around it: ``main:policy.toml``."""

from __future__ import annotations

import subprocess
from pathlib import Path

from .check.subject import UnreadableError


def read_revision(file: Path) -> bytes | None:
    """Return the content that ``REV:FILE`` names; ``None`` for the name of an ordinary file.

    FILE is relative to the current folder, as for every other command.

    Raises:
        UnreadableError: if git has no such file or revision, or is not installed.
    """
    revision, colon, path = str(file).partition(":")
    if not colon or len(revision) < 2 or file.exists():  # `C:` is a drive
        return None
    place = path if path.startswith(("./", "../")) else f"./{path}"
    # After --end-of-options a revision cannot be mistaken for an option.
    command = ["git", "show", "--end-of-options", f"{revision}:{place}"]
    try:
        return subprocess.run(command, capture_output=True, check=True).stdout
    except OSError as error:
        raise UnreadableError(f"{file}: git cannot be run ({error.strerror})") from None
    except subprocess.CalledProcessError as error:
        reason = error.stderr.decode("utf-8", "replace").strip().removeprefix("fatal: ")
        raise UnreadableError(f"{file}: {reason}") from None
