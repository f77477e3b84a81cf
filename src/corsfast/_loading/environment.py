"""Environment variables -> Written.

| variable                  | value                                                         |
|---------------------------|---------------------------------------------------------------|
| `CORS_ALLOW_ORIGINS`      | a list; an item that begins with `regex:` is a regex          |
| `CORS_ALLOW_METHODS`, ... | a list                                                        |
| `CORS_ALLOW_CREDENTIALS`  | true, false, 1, 0, yes, no, on, off                           |
| `CORS_MAX_AGE`            | a number, or none                                             |

A list is separated by commas or white space, or is a JSON list.
"""

from __future__ import annotations

import json
import os
import re

from .._options.patterns import ORIGINS, parse_pattern
from .._proofs.ineffective import FOREIGN_OPTIONS, SLIP, meant
from ..errors import Problem, changed
from .files import without_duplicates
from .literals import REGEX_PREFIX, in_env, split_items
from .written import OPTIONS, Written, missing_origins, read_options

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

LISTS = (
    "allow_origins",
    "allow_methods",
    "allow_headers",
    "expose_headers",
    "dangerously_tolerate",
)
FLAGS = ("allow_credentials", "timing_allow_origin")
NUMBERS = ("max_age", "preflight_status")

_FLAG_VALUES = dict.fromkeys(("true", "1", "yes", "on"), True) | dict.fromkeys(
    ("false", "0", "no", "off"), False
)
# Any number with more digits is out of range.
_NUMBER = re.compile(r"[+-]?[0-9]{1,9}")

# Other prefixes that may be written in front of a regex.
_OTHER_PREFIX = re.compile(r"(?:re|regexp?|pattern)[:=](?!//)|~\*?|/(?!/)", re.IGNORECASE)
_TOKEN = re.compile(r"[A-Za-z0-9-]+")


def read_environment(prefix: str, environ: Mapping[str, str] | None) -> Written:
    """Read the options in the variables that begin with a prefix.

    Raises:
        TypeError: if an argument, or the value of a variable, has the wrong type.
    """
    if not isinstance(prefix, str):
        raise TypeError(f"prefix must be str, not {type(prefix).__name__}")
    if environ is None:
        environ = os.environ
    elif not hasattr(environ, "items"):
        raise TypeError(f"environ must be a mapping, not {type(environ).__name__}")
    names = {option: prefix + option.upper() for option in OPTIONS}
    written = Written("the environment", "env", lambda option, _: names.get(option, option))
    options: dict[str, object] = {}
    for option, name in names.items():
        text = environ.get(name)
        if isinstance(text, str):
            _read_variable(option, text.strip(), options, written)
        elif text is not None:
            raise TypeError(f"{name} must be str, not {type(text).__name__}")
    _read_slips(prefix, environ, names, written)
    read_options(options, written)
    if not environ.get(names[ORIGINS], "").lstrip().startswith("["):
        written.problems[:] = map(_with_advice, written.problems)
    if names[ORIGINS] not in environ and missing_origins(options, written.problems):
        message = "it is not set, so no origin would be allowed."
        written.problems.append(Problem("missing", ORIGINS, None, message))
    return written


def _read_variable(option: str, text: str, options: dict[str, object], written: Written) -> None:
    problem = None
    if not text.strip("'\""):
        message = "it is set, but empty; unset it for the default."
        if option == ORIGINS:
            message = "it is set, but empty, so no origin would be allowed."
        problem = Problem("empty", option, text, message, hint=_example(option))
    elif text[0] in "'\"" and text[-1] == text[0]:
        message = "the quotes around it are part of the value."
        hint = _meant(text) if option in LISTS else repr(text[1:-1])
        problem = Problem("quotes", option, text, message, hint=hint)
    elif option in LISTS:
        try:
            options[option] = _read_list(option, text, written)
        except (ValueError, RecursionError) as error:
            message = f"it begins like a JSON list but is not valid JSON: {error}."
            problem = Problem("not-json", option, text, message, hint=_meant(text))
    elif option in FLAGS:
        if text.lower() in _FLAG_VALUES:
            options[option] = _FLAG_VALUES[text.lower()]
        else:
            message = f"{text!r} is neither true nor false."
            problem = Problem("choice", option, text, message, hint=_example(option))
    elif option in NUMBERS:
        if _NUMBER.fullmatch(text):
            options[option] = int(text)
        elif option == "max_age" and text.lower() == "none":
            options[option] = None
        else:
            message = f"{text!r} is not a whole number."
            problem = Problem("type", option, text, message, hint=_example(option))
    else:
        options[option] = text
    if problem is not None:
        written.reject(problem)


def _with_advice(problem: Problem) -> Problem:
    """Add advice on writing a regex that cannot be read, because it may have been cut in two."""
    if problem.code != "regex-syntax":
        return problem
    message = (
        f"{problem.message} Commas and white space end an entry; write a regex that contains one"
        ' in a JSON list: ["regex:..."].'
    )
    return changed(problem, message=message)


def _meant(text: str) -> str | None:
    """Return a list without quotes, or with Python's quotes, as a JSON list."""
    items = [item.strip("'\"") for item in split_items(text.strip("[]'\""))]
    right = all(item == "*" or _TOKEN.fullmatch(item) or parse_pattern(item) for item in items)
    return repr(items) if items and right else None


def _example(option: str) -> str:
    if option in LISTS:
        return "origins, such as https://app.example.com" if option == ORIGINS else "[]"
    if option in FLAGS:
        return "true or false"
    return {"max_age": "a number of seconds or none", "existing": "replace or keep"}.get(
        option, "204"
    )


def _read_list(option: str, text: str, written: Written) -> list[object]:
    """Return the items of a list. A regex becomes the table that a file would have for it.

    Raises:
        ValueError: if the text begins like a JSON list and is not valid JSON.
    """
    items: list[object] = [*split_items(text)]
    if text.startswith("["):
        items = json.loads(text, object_pairs_hook=without_duplicates)
    if option != ORIGINS:
        return items
    read = [_read_item(item, written) for item in items]
    return [r for r, item in zip(read, items, strict=True) if r is not None or item is None]


def _read_item(item: object, written: Written) -> object:
    if not isinstance(item, str):
        return item
    if item == REGEX_PREFIX:
        message = f"there is no regex directly after {REGEX_PREFIX}."
        written.reject(Problem("regex-syntax", ORIGINS, item, message))
        return None
    if item.startswith(REGEX_PREFIX):
        return {"regex": item.removeprefix(REGEX_PREFIX)}
    prefix = _OTHER_PREFIX.match(item)
    if prefix is None:
        return item
    hint = in_env(item[prefix.end() :].removesuffix("/" * item.startswith("/")))
    message = f"{item!r} looks like a regular expression; start one with {REGEX_PREFIX}"
    written.reject(Problem("looks-like-regex", ORIGINS, item, f"{message}.", hint=hint))
    return None


def _read_slips(
    prefix: str, environ: Mapping[str, str], names: Mapping[str, str], written: Written
) -> None:
    """Report variables that have this prefix and that no option reads."""
    for name in environ:
        if name in names.values() or not name.upper().startswith(prefix.upper()):
            continue
        key = name[len(prefix) :].lower()
        option = key if key in OPTIONS else meant(key, OPTIONS, SLIP)
        message = "it is not a policy option, so it has no effect."
        if option is not None:
            hint = names[option]
            if "regex" in key:
                hint += f" with an item that begins with {REGEX_PREFIX}"
            written.reject(Problem("unknown-option", name, None, message, hint=hint))
        elif key in FOREIGN_OPTIONS:
            message = f"it is not a policy option: {FOREIGN_OPTIONS[key]}."
            written.reject(Problem("unknown-option", name, None, message))
        elif prefix:
            message += " If it belongs to other software, choose another prefix."
            written.warnings.append(Problem("unknown-option", name, None, message))
