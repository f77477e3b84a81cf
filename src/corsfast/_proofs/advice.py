"""Advise in words where a problem of ``allow_origins`` has no corrected value.

The advice names no host but the one that is written.
"""

from __future__ import annotations

import ast
import re

from .._options.origin import parse_origin
from .._options.patterns import Within
from ..errors import Problem
from .languages import as_written
from .public_suffixes import public_suffix

ONE_BY_ONE = "the origins that are meant, one by one"


def literal(hint: str | None) -> object:
    """Return the value of a hint that is Python source; ``None`` if it is prose."""
    try:
        return ast.literal_eval(hint or "")
    except (SyntaxError, ValueError):
        return None


def in_words(problem: Problem) -> str | None:
    """Return the hint of a problem if it is prose, not a value."""
    hint = problem.hint
    return None if hint is None or hint[:1] in "'\"[" or hint.startswith("re.compile(") else hint


def _is_regex(value: object) -> bool:
    return isinstance(value, (re.Pattern, Within))


def advice_for(problem: Problem) -> str | None:
    """Return advice for a problem without a corrected value."""
    origin = parse_origin(problem.witness or "")
    suffix = origin and public_suffix(origin.host)
    # Under a rule like `*.elb.amazonaws.com`, the suffix begins with a label of the witness.
    text = as_written(problem.value).replace("\\", "")
    written = suffix is not None and re.search(rf"(?<![\w-]){re.escape(suffix)}(?![\w-])", text)
    if problem.code == "public-suffix" or (written and suffix and "." in suffix):
        # `.onion` services are reached by plain http.
        name = f"as https://NAME.{suffix}" if written and suffix != "onion" else "in full"
        return f"each name that is yours, {name}; or use a domain of your own"
    if problem.code == "foreign-origin" and in_words(problem) is None:
        return ONE_BY_ONE
    if problem.code == "insecure-origin" and (problem.hint or _is_regex(problem.value)):
        return "https alone, and http for localhost only"
    return in_words(problem)
