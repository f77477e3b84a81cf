"""Rules by path: choose a policy by the path of a request.

    {"/api/*": policy, "/api/login": stricter, "/public/*": {"allow_origins": "*"}}

    rule   = "/" [ segment *( "/" segment ) ] [ "/" ]     this path alone
           / "/" [ segment *( "/" segment ) "/" ] "*"     this path and all below it

A rule is a decoded path, relative to where the application is mounted. The most specific rule
wins: a rule for one path before a rule for all paths below it, and a longer rule before a shorter
one. The order of the rules has no effect. Case matters. A trailing slash does not, because
frameworks redirect from one spelling to the other, and a page can follow the redirect only if
both responses allow it.

An application may read a path in another way than this module:

- `//` and `\\` may mean `/`.
- `%2F` may or may not be a slash.
- `%252e` may be decoded a second time.
- `/API` may mean `/api`.
- A router's regex that ends in `$` ignores a line feed at the end of the path.
- In an application that is mounted at `/v1`, `/v1x` and `/y/v1/x` may mean `/x`.

So all readings are tried:

    path --readings--> "/a//b", "/a/b"   --match-->  rule, rule   --agree?-->  rule | CLOSED

If two readings lead to different rules, or if a dot segment is left (no browser sends one), the
path is CLOSED: nothing is allowed. So a client cannot get a looser policy by spelling the path
differently. A path of more than `MAX_ENCODED_PATH` characters that would have to be decoded is
CLOSED, too.

Rules are compiled once, and `find` runs once per request. It must not run a regular expression
from the options, or a loop whose length the request chooses, because a crafted path could make
these slow.
"""

from __future__ import annotations

import contextlib
import itertools
import re
from urllib.parse import unquote, unquote_to_bytes

from .._options.limits import MAX_ENCODED_PATH
from ..errors import PolicyError, Problem

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any, Final

__all__ = ["CLOSED", "PathRules", "asgi_path", "encoded_path", "wsgi_path"]

_DOT_SEGMENT = re.compile(r"/\.\.?(?:/|\Z)")
_SLASHES = re.compile("//+")
_RAW_SLASH = re.compile(rb"%(?:2[fF]|5[cC])")

# A case-insensitive regex matches these letters with an i, but casefolding does not.
# https://docs.python.org/3/library/re.html#re.IGNORECASE
_LIKE_I = ("\u0130", "\u0131")

# Replaces an encoded slash or backslash that does not separate segments. No rule can contain it.
_NO_SLASH = b"\0"

# The readings of a path that is not decoded. `find` returns CLOSED for them.
_TOO_LONG = ("",)


class _Closed:
    """The type of `CLOSED`, which `find` returns for an ambiguous path."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "CLOSED"


CLOSED: Final = _Closed()


class _Rule:
    """A rule. Its `key` ends in a slash. Rules are compared by identity."""

    __slots__ = ("below", "key", "target")

    def __init__(self, key: str, below: bool, target: object) -> None:
        self.key = key
        self.below = below
        self.target = target


class _Index:
    """Rules by key. A `folded` key may have several rules, which differ only by case.

        alone   {"/api/login/": rules}
        below   {"/api/": rules, "/public/": rules}
        lengths (8, 5): of the keys in `below`, longest first; one look-up for each

    `match` takes no slice of a path that is longer than the longest key.
    """

    __slots__ = ("alone", "below", "lengths")

    def __init__(self, rules: list[_Rule], folded: bool) -> None:
        self.alone: dict[str, tuple[_Rule, ...]] = {}
        self.below: dict[str, tuple[_Rule, ...]] = {}
        for rule in rules:
            where = self.below if rule.below else self.alone
            key = _folded(rule.key) if folded else rule.key
            where[key] = (*where.get(key, ()), rule)
        self.lengths = sorted({len(key) for key in self.below}, reverse=True)

    def match(self, path: str) -> tuple[_Rule, ...]:
        key = path if path.endswith("/") else path + "/"
        found = self.alone.get(key)
        if found is not None:
            return found
        for length in self.lengths:
            found = self.below.get(key[:length])
            if found is not None:
                return found
        return ()


class PathRules:
    """Compiled rules by path.

    Args:
        rules: a mapping from rules to targets. A target may be any object.
        option: the name of the option that holds the rules, for messages.

    Raises:
        TypeError: if the rules are not a mapping, or empty.
        PolicyError: with all rules that are not valid paths.
    """

    __slots__ = ("_exact", "_folded", "_only_lower", "rules")

    def __init__(self, rules: Mapping[str, Any], option: str = "paths") -> None:
        compiled = _compile(rules, option)
        self.rules: dict[str, Any] = dict(rules)
        self._exact = _Index(compiled, folded=False)
        self._folded = _Index(compiled, folded=True)
        self._only_lower = all(rule.key == _folded(rule.key) for rule in compiled)

    def find(self, path: str, /, *others: str) -> Any:
        """Return the target of the rule for a path, ``None`` without a rule, or ``CLOSED``.

        Args:
            path: the decoded path, relative to where the application is mounted.
            others: other readings of the path (see `asgi_path`).
        """
        if not path.startswith("/") or any(map(_is_too_long, (path, *others))):
            return CLOSED
        found = self._exact.match(path)
        folded = _folded(path)
        if not others and not _is_odd(path):
            if folded != path or not self._only_lower:
                if not _agree(found, self._folded.match(folded)):
                    return CLOSED
        elif not self._all_agree(found, (path, *others)):
            return CLOSED
        return found[0].target if found else None

    def _all_agree(self, found: tuple[_Rule, ...], paths: tuple[str, ...]) -> bool:
        for text in itertools.chain.from_iterable(map(_readings, paths)):
            if _DOT_SEGMENT.search(text):
                return False
            if not _agree(found, self._folded.match(_folded(text))):
                return False
        return True


def _is_too_long(path: str) -> bool:
    """Return whether a path that is decoded again is over the limit."""
    return len(path) > MAX_ENCODED_PATH and "%" in path


def _is_odd(path: str) -> bool:
    """Return whether a path has other readings, apart from the case of its letters."""
    # These substring searches cost a tenth of a regular expression.
    return "%" in path or "//" in path or "/." in path or "\\" in path or path[-1] == "\n"


def _folded(path: str) -> str:
    if not path.isascii():
        for letter in _LIKE_I:  # ten times as fast as `translate`
            path = path.replace(letter, "i")
    return path.casefold()


def _agree(found: tuple[_Rule, ...], folded: tuple[_Rule, ...]) -> bool:
    return found[0] in folded if found else not folded


def _readings(path: str) -> Iterator[str]:
    """Yield every way in which the application may read a path."""
    texts = [path]
    if "%" in path:
        texts.append(unquote(path, errors="replace"))
    for text in texts:
        for reading in (text, _SLASHES.sub("/", text.replace("\\", "/"))):
            yield reading
            if reading.endswith("\n"):
                yield reading[:-1]


# -- reading requests ------------------------------------------------------------------------


def asgi_path(scope: Mapping[str, Any], root: str = "", /) -> tuple[str, ...]:
    """Return the decoded path of a scope, and its other readings, for `PathRules.find`.

    The path is relative to where the application is mounted. Some frameworks read it in other
    ways. In one, a percent-encoded slash does not separate segments. In another, `root_path` is
    removed although the path contains it at another place or continues its last segment.

    Servers decode `path`, and `root_path` is its beginning, as ASGI now requires. If it is not,
    the path is used as it is, because most frameworks do the same.

    Args:
        root: the application's own root, if it has one. It replaces ``root_path``.
    """
    root = root or scope.get("root_path") or ""
    path = scope.get("path") or "/"
    raw = scope.get("raw_path")
    if not raw or _RAW_SLASH.search(raw) is None:
        return _below(root, path) if root else (path,)
    if len(raw) > MAX_ENCODED_PATH:
        return _TOO_LONG
    kept = _RAW_SLASH.sub(_NO_SLASH, raw.partition(b"?")[0])
    encoded = unquote_to_bytes(kept).decode("utf-8", "replace")
    return (*_below(root, path), *_below(root, encoded)) if root else (path, encoded)


def encoded_path(path: bytes, /) -> tuple[str, ...]:
    """Return the readings of a path that a server leaves encoded, without a `root_path`."""
    if len(path) > MAX_ENCODED_PATH and b"%" in path:
        return _TOO_LONG
    decoded = unquote_to_bytes(path).decode("utf-8", "replace")
    return asgi_path({"path": decoded, "raw_path": path})


def _below(root: str, path: str) -> tuple[str, ...]:
    """Return a path relative to a root, which is not empty.

    If the path is not below the root, return the whole path and its other readings.
    """
    if path.startswith(root):
        # A server that joins "/v1/" and "/api" gets "/v1//api".
        rest = path[len(root) :]
        if not rest or rest[0] == "/":
            return (rest or "/",)
    # Quart removes "/v1" from "/v1x", and Litestar removes it from "/y/v1/x". If the root is
    # "/v1/", some frameworks remove it from "/v1/x", while Starlette keeps the whole path.
    roots = [start for start in dict.fromkeys((root, root.rstrip("/"))) if start]
    behind = (path.partition(start)[2] for start in roots if start in path)
    return (path, *("/" + rest.lstrip("/") for rest in behind))


def wsgi_path(environ: Mapping[str, Any], /) -> tuple[str]:
    """Return the path of an environ relative to SCRIPT_NAME: PATH_INFO, which servers decode.

    Each character of PATH_INFO is one byte: https://peps.python.org/pep-3333/#unicode-issues
    """
    path = environ.get("PATH_INFO") or "/"
    if not path.isascii():
        # The encoding fails if the server breaks that rule and has decoded the bytes already.
        with contextlib.suppress(UnicodeEncodeError):
            path = path.encode("latin-1").decode("utf-8", "replace")
    return (path,)


# -- reading rules ---------------------------------------------------------------------------

# How other software writes "all paths below": "/api*", "/api/**", and the regex "/api/.*".
# A match begins only where such a run begins, because trying each place takes quadratic time.
_ALL_BELOW = re.compile(r"(?:(?<![/*])(?:/|\.\*)|(?<![/*.])\*)(?:/|\.?\*)*+\Z")
_PERCENT = re.compile("%[0-9A-Fa-f]{2}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def _compile(rules: Mapping[str, Any], option: str) -> list[_Rule]:
    if not hasattr(rules, "items"):
        raise TypeError(
            f"{option} must be a dict of rules, not {type(rules).__name__};"
            f' write {option}={{"/api/*": corsfast.Policy(allow_origins=[...])}}'
        )
    if not rules:
        raise TypeError(f'{option} is empty; write {option}={{"/*": policy}} for every path')
    compiled: dict[tuple[str, bool], _Rule] = {}
    problems: list[Problem] = []
    for written, target in rules.items():
        problem = _problem_of(written, option)
        if problem is not None:
            problems.append(problem)
            continue
        below = written.endswith("/*")
        path = written[:-1] if below else written
        rule = _Rule(path if path.endswith("/") else path + "/", below, target)
        if (rule.key, below) in compiled:
            message = f"{written!r} is listed twice: a trailing slash makes no difference."
            problems.append(Problem("path-twice", option, written, message))
        compiled[rule.key, below] = rule
    if problems:
        raise PolicyError(problems)
    return list(compiled.values())


def _problem_of(written: object, option: str) -> Problem | None:
    if not isinstance(written, str):
        hint = repr(written.decode("latin-1")) if isinstance(written, bytes) else None
        message = f"{written!r} is of type {type(written).__name__}, not str."
        return Problem("type", option, written, message, hint=hint)
    path = written[:-1] if written.endswith("/*") else written
    why, better = _why_not(path)
    if why is None:
        return None
    star = "*" if path is not written else ""
    if better is not None and _why_not(better.removesuffix("*"))[0] is not None:
        better = None
    hint = None if better is None else repr(better + star)
    return Problem("path", option, written, f"{written!r} {why}", hint=hint)


def _why_not(path: str) -> tuple[str | None, str | None]:
    """Return why a path is not valid in a rule, and which path may have been meant."""
    if "://" in path:
        return "is a URL; a rule is a path, and its policy has the origins.", None
    if not path.startswith("/"):
        return "does not begin with a slash.", "/" + path
    if "*" in path:
        ways = "'*' is a wildcard only at the end, after a slash."
        meant = _ALL_BELOW.sub("/*", path) if path[-1] == "*" else None
        return f"has a '*' elsewhere: {ways}", meant
    if _CONTROL.search(path):
        return "holds a control character.", None
    if "?" in path or "#" in path:
        return "has a query or fragment.", re.split("[?#]", path)[0]
    if _PERCENT.search(path):
        return "is percent-encoded; paths are compared decoded.", unquote(path, errors="replace")
    if "\\" in path:
        return "holds a backslash, which may be read as a slash.", path.replace("\\", "/")
    if "//" in path:
        return "holds an empty segment, which may be left out.", _SLASHES.sub("/", path)
    if _DOT_SEGMENT.search(path):
        return "holds a dot segment, which no browser sends.", None
    return None, None
