"""Rules by path: which policy a request's path leads to.

    {"/api/*": policy, "/api/login": stricter, "/public/*": {"allow_origins": "*"}}

    rule   = "/" [ segment *( "/" segment ) ] [ "/" ]     this path alone
           / "/" [ segment *( "/" segment ) "/" ] "*"     this path and all below it

A rule is written as the path reads once it is decoded, from where the application is mounted.
The most specific rule wins: a path alone before a path with all below it, a longer before a
shorter; their order means nothing. Case counts. A trailing slash does not, because frameworks
redirect from one spelling to the other, and a page can only follow with leave of both.

What was asked for can be read in more than one way: `//` may be `/`, `\\` may be `/`, `%2F` may
be a slash or none, `%252e` may be decoded once more, `/API` may be `/api`, and to a router's regex
that ends in `$` a line feed at the end is none. Where an application is mounted at `/v1`, `/v1x`
and `/y/v1/x` may be `/x`. The application may read it in another way than this file, so all
readings are tried:

    path --readings--> "/a//b", "/a/b"   --_match-->  rule, rule   --agree?-->  rule | CLOSED

Where two of them lead to different rules, and where a dot segment is left (no browser sends
one), the path is CLOSED: nothing is allowed there. A looser policy can so never be had for a
path by writing it differently.

Place in the flow: left of the middlewares. Compiled once; `find` runs once per request.
Never: run a regular expression that comes from options; loop over what a request chooses.
"""

from __future__ import annotations

import contextlib
import itertools
import re
from urllib.parse import unquote, unquote_to_bytes

from ..errors import PolicyError, Problem

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any, Final

__all__ = ["CLOSED", "PathRules", "asgi_path", "encoded_path", "wsgi_path"]

_DOT_SEGMENT = re.compile(r"/\.\.?(?:/|\Z)")
_SLASHES = re.compile("//+")
_RAW_SLASH = re.compile(rb"%(?:2[fF]|5[cC])")

# Letters that a regex without regard to case takes for an i, and casefolding does not.
# https://docs.python.org/3/library/re.html#re.IGNORECASE
_LIKE_I = {0x130: "i", 0x131: "i"}

# Stands for a slash that is none in a path that was not decoded; no rule can hold it.
_NO_SLASH = b"\0"


class _Closed:
    """What `find` returns for a path that cannot be told."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "CLOSED"


CLOSED: Final = _Closed()


class _Rule:
    """One rule. `key` ends in a slash; rules are compared by identity."""

    __slots__ = ("below", "key", "target")

    def __init__(self, key: str, below: bool, target: object) -> None:
        self.key = key
        self.below = below
        self.target = target


class _Index:
    """Rules by key. With `folded` keys a key may have several, which differ by case only.

        alone   {"/api/login/": rules}
        below   {"/api/": rules, "/public/": rules}
        lengths (8, 5): of the keys in `below`, longest first; one look each

    A path is looked up as its key, of which no more is copied than the longest rule has.
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
    """Rules by path, compiled.

    Args:
        rules: what each path leads to, by rule; a target may be anything.
        option: the option that holds them, for messages.

    Raises:
        TypeError: for what is no mapping of str, or empty.
        PolicyError: with every rule that is not written as a path.
    """

    __slots__ = ("_exact", "_folded", "_only_lower", "rules")

    def __init__(self, rules: Mapping[str, Any], option: str = "paths") -> None:
        compiled = _compile(rules, option)
        self.rules = dict(rules)
        self._exact = _Index(compiled, folded=False)
        self._folded = _Index(compiled, folded=True)
        self._only_lower = all(rule.key == _folded(rule.key) for rule in compiled)

    def find(self, path: str, /, *others: str) -> Any:
        """The target of the rule that a path follows, ``None`` without one, or ``CLOSED``.

        Args:
            path: the decoded path, below where the application is mounted.
            others: what else may be taken for the path (see `asgi_path`).
        """
        if not path.startswith("/"):
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


def _is_odd(path: str) -> bool:
    """Whether a path may be read in another way, but for the case of its letters."""
    # These searches for text cost a tenth of one for an expression.
    return "%" in path or "//" in path or "/." in path or "\\" in path or path[-1] == "\n"


def _folded(path: str) -> str:
    return path.casefold() if path.isascii() else path.translate(_LIKE_I).casefold()


def _agree(found: tuple[_Rule, ...], folded: tuple[_Rule, ...]) -> bool:
    return found[0] in folded if found else not folded


def _readings(path: str) -> Iterator[str]:
    """Every way in which somebody behind us may read a path."""
    texts = [path]
    if "%" in path:
        texts.append(unquote(path, errors="replace"))
    for text in texts:
        for reading in (text, _SLASHES.sub("/", text.replace("\\", "/"))):
            yield reading
            if reading.endswith("\n"):
                yield reading[:-1]


# -- reading what servers say ----------------------------------------------------------------


def asgi_path(scope: Mapping[str, Any], root: str = "", /) -> tuple[str, ...]:
    """The path of a scope, decoded, below where the application is mounted, for `PathRules.find`.

    Behind it stands what else some framework takes for that path: with slashes left out that
    were percent-encoded; and where `root_path` stands in it, but not as a path above it, what is
    behind that.

    Servers decode `path`, and `root_path` is a part of it, as ASGI has it now; where it is not,
    the path stays as it is, which is how most frameworks read it, too.

    Args:
        root: where the application is mounted, in place of ``root_path``, if it says so itself.
    """
    root = root or scope.get("root_path") or ""
    path = scope.get("path") or "/"
    raw = scope.get("raw_path")
    if not raw or _RAW_SLASH.search(raw) is None:
        return _below(root, path) if root else (path,)
    kept = _RAW_SLASH.sub(_NO_SLASH, raw.partition(b"?")[0])
    encoded = unquote_to_bytes(kept).decode("utf-8", "replace")
    return (*_below(root, path), *_below(root, encoded)) if root else (path, encoded)


def encoded_path(path: bytes, /) -> tuple[str, ...]:
    """The same of a path that a server leaves encoded, where nothing is mounted elsewhere."""
    decoded = unquote_to_bytes(path).decode("utf-8", "replace")
    return asgi_path({"path": decoded, "raw_path": path})


def _below(root: str, path: str) -> tuple[str, ...]:
    """A path below a root, and what else it may be if it is not: a root is never empty."""
    if path.startswith(root):
        # A server that puts "/v1/" before "/api" makes "/v1//api" of them.
        rest = path[len(root) :]
        if not rest or rest[0] == "/":
            return (rest or "/",)
    # Quart takes "/v1" off "/v1x", Litestar off "/y/v1/x"; and if the root is "/v1/", it is off
    # "/v1/x" for some, while to Starlette that is the whole path.
    roots = [start for start in dict.fromkeys((root, root.rstrip("/"))) if start]
    behind = (path.partition(start)[2] for start in roots if start in path)
    return (path, *("/" + rest.lstrip("/") for rest in behind))


def wsgi_path(environ: Mapping[str, Any], /) -> tuple[str]:
    """The path of an environ, below SCRIPT_NAME: PATH_INFO, which servers decode.

    https://peps.python.org/pep-3333/#unicode-issues: its characters stand for bytes.
    """
    path = environ.get("PATH_INFO") or "/"
    if not path.isascii():
        # A server that breaks the rule has decoded it already.
        with contextlib.suppress(UnicodeEncodeError):
            path = path.encode("latin-1").decode("utf-8", "replace")
    return (path,)


# -- reading what was written ----------------------------------------------------------------

# All below a path as it is written elsewhere: "/api*", "/api/**", and the regex "/api/.*".
_ALL_BELOW = re.compile(r"(?:/|\.?\*)+\Z")
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
            message = f"{written!r} is there twice: a trailing slash makes no other path."
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
    """Why this is no path of a rule, and what may have been meant."""
    if "://" in path:
        return "is a URL; a rule is a path, and origins go into its policy.", None
    if not path.startswith("/"):
        return "does not begin with a slash.", "/" + path
    if "*" in path:
        ways = "'*' stands for all below a path, at its end, behind a slash."
        meant = _ALL_BELOW.sub("/*", path) if path[-1] == "*" else None
        return f"has a '*' elsewhere: {ways}", meant
    if _CONTROL.search(path):
        return "holds a control character.", None
    if "?" in path or "#" in path:
        return "holds more than a path.", re.split("[?#]", path)[0]
    if _PERCENT.search(path):
        return "is percent-encoded; paths are compared decoded.", unquote(path, errors="replace")
    if "\\" in path:
        return "holds a backslash, which may be read as a slash.", path.replace("\\", "/")
    if "//" in path:
        return "holds an empty segment, which may be left out.", _SLASHES.sub("/", path)
    if _DOT_SEGMENT.search(path):
        return "holds a dot segment, which no browser sends.", None
    return None, None
