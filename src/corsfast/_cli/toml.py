"""Write the options of a policy as TOML, with a comment for each entry."""

from __future__ import annotations

import json

from .._loading.literals import respell
from .._proofs.python_source import in_source
from .terminal import BOLD, DIM, Style

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping


def toml_lines(
    options: Mapping[str, object],
    comment: Callable[[str, object], str | None],
    style: Style,
) -> Iterator[str]:
    """Yield the lines of a policy file.

    Args:
        comment: returns the comment of an entry of an option, and with ``None`` that of the whole
            option. A list with such a comment is written on one line.
    """
    for option, value in options.items():
        name = style.paint(option, BOLD)
        whole = comment(option, None)
        if not isinstance(value, list) or not value or whole is not None:
            shown = '"none"' if value is None else json.dumps(value)
            yield f"{name} = {shown}{_comment(whole, style)}"
            continue
        yield f"{name} = ["
        for entry in value:
            why = _comment(comment(option, entry), style)
            yield f"    {respell(in_source(entry), 'toml')},{why}"
        yield "]"


def _comment(text: str | None, style: Style) -> str:
    return "" if text is None else style.paint(f"  # {text}", DIM)


def comment_lines(text: str, style: Style) -> Iterator[str]:
    """Yield the lines of a text as comments."""
    for line in text.split("\n"):
        yield style.paint(f"# {line}".rstrip(), DIM)
