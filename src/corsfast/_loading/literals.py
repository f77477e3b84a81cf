"""Write values of options in the syntax of each source, so that suggestions can be pasted."""

from __future__ import annotations

import ast
import json
import re

from .._proofs.python_source import compiled

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

# This prefix marks a regular expression in an environment variable.
REGEX_PREFIX = "regex:"

# A comma or white space ends an item, but not inside brackets or braces. They belong to a set of
# ports, or to a repetition or character class of a regex.
_ITEM = re.compile(r"(?:\[[^\[\]\s]*\]|\{[^{}\s]*\}|[^\s,])+")

_NONE = {"toml": '"none"', "json": "null", "env": "none"}
_IN_WORDS = {"True or False": "true or false"}
_FLAG_LETTERS = {"ASCII": "a", "IGNORECASE": "i", "MULTILINE": "m", "DOTALL": "s", "VERBOSE": "x"}


def split_items(text: str) -> list[str]:
    """Return the items of a list in an environment variable."""
    return _ITEM.findall(text)


def in_toml(pattern: str, domains: tuple[str, ...] = ()) -> str:
    """Return a regex as an entry of a TOML file, in single quotes if it contains none."""
    text = json.dumps(pattern) if "'" in pattern else f"'{pattern}'"
    more = f", within = {json.dumps(list(domains))}" if domains else ""
    return f"{{ regex = {text}{more} }}"


def in_json(pattern: str, domains: tuple[str, ...] = ()) -> str:
    """Return a regex as an entry of a JSON file."""
    return json.dumps({"regex": pattern} | ({"within": list(domains)} if domains else {}))


def in_env(pattern: str, domains: tuple[str, ...] = ()) -> str:
    """Return a regex as an item of an environment variable, or as JSON if it cannot be one."""
    if domains:
        return f"[{in_json(pattern, domains)}]"
    item = REGEX_PREFIX + pattern
    return item if split_items(item) == [item] else json.dumps([item])


WRITERS: dict[str, Callable[[str, tuple[str, ...]], str]] = {
    "python": compiled,
    "toml": in_toml,
    "json": in_json,
    "env": in_env,
}


class _NotAValueError(Exception):
    """A hint that is advice in words, not a value."""


def respell(hint: str | None, spelling: str) -> str | None:
    """Translate a hint from Python to the syntax of another source; advice in words is kept."""
    if hint is None or spelling == "python":
        return hint
    try:
        tree = ast.parse(hint, mode="eval").body
        if isinstance(tree, ast.Tuple) and tree.elts:
            return ", ".join(_spell(item, spelling) for item in tree.elts)
        return _spell(tree, spelling)
    except (SyntaxError, ValueError, _NotAValueError):
        return _IN_WORDS.get(hint, hint)


def _spell(tree: ast.expr, spelling: str) -> str:
    if isinstance(tree, (ast.List, ast.Tuple)):
        items = [_spell(item, spelling) for item in tree.elts]
        if spelling == "env":
            plain = items and all(split_items(item) == [item] for item in items)
            return ",".join(items) if plain else json.dumps(items)
        return f"[{', '.join(items)}]"
    if isinstance(tree, ast.Constant):
        return _spell_constant(tree.value, spelling)
    if isinstance(tree, ast.Call):
        called = ast.unparse(tree.func)
        if called == "re.compile":
            return WRITERS[spelling](_pattern(tree), ())
        if called == "within" and isinstance(tree.args[0], ast.Call):
            domains = tuple(ast.literal_eval(argument) for argument in tree.args[1:])
            return WRITERS[spelling](_pattern(tree.args[0]), domains)
    raise _NotAValueError


def _spell_constant(value: object, spelling: str) -> str:
    if value is None:
        return _NONE[spelling]
    if isinstance(value, str):
        return value if spelling == "env" else json.dumps(value, ensure_ascii=False)
    return json.dumps(value)


def _pattern(call: ast.Call) -> str:
    """Return the pattern of ``re.compile(...)``, with the flags it does not set itself in front."""
    pattern: str = ast.literal_eval(call.args[0])
    own = re.compile(pattern).flags
    named = re.findall(r"re\.([A-Z]+)", " ".join(map(ast.unparse, call.args[1:])))
    letters = [_FLAG_LETTERS[name] for name in named if not own & re.RegexFlag[name]]
    return f"(?{''.join(letters)}){pattern}" if letters else pattern
