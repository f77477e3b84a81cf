"""Read the options of a policy: return a Spec, and every problem that was found.

Runs once, while a policy is built. An option is never guessed or silently ignored.
"""

from __future__ import annotations

import re
from functools import partial

from ..errors import RISKS, Problem, changed
from . import fetch, limits
from .diagnose import diagnose
from .patterns import ORIGINS, Glob, HostRule, Network, Within, parse_pattern, write_pattern
from .suggestions import how_to_write, texts_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any, Literal, TypedDict, TypeGuard

    class PolicyOptions(TypedDict, total=False):
        """The options of :class:`corsfast.Policy`, for type checkers and editors."""

        allow_origins: Iterable[str | re.Pattern[str] | Within]
        allow_methods: Iterable[str]
        allow_headers: Iterable[str]
        expose_headers: Iterable[str]
        allow_credentials: bool
        max_age: int | None
        preflight_status: int
        existing: Literal["replace", "keep"]
        timing_allow_origin: bool
        dangerously_tolerate: Iterable[str]


# The values of `Policy` for options that are not given.
DEFAULTS: dict[str, object] = {
    "allow_methods": (),
    "allow_headers": (),
    "expose_headers": (),
    "allow_credentials": False,
    "max_age": 600,
    "preflight_status": 204,
    "existing": "replace",
    "timing_allow_origin": False,
    "dangerously_tolerate": (),
}


class Spec:
    """The validated, normalized meaning of the options.

    Policies compare by `key`, which holds every option; the order of origins does not count.
    """

    OPTIONS = (ORIGINS, *DEFAULTS)
    any_origin: bool  # "*"
    exact: tuple[str, ...]  # serialized origins, with "null" if it is listed
    rules: tuple[HostRule, ...]
    globs: tuple[Glob | Network, ...]  # patterns that are matched like regexes
    regexes: tuple[re.Pattern[str] | Within, ...]
    # The entries that are not exact, each with the number of exact ones listed before it.
    placed: tuple[tuple[int, Any], ...]
    duplicates: tuple[object, ...]  # listed again, with no effect
    any_method: bool
    methods: tuple[str, ...]
    any_header: bool
    headers: tuple[str, ...]  # as written; no two are equal without regard to case
    expose: tuple[str, ...]  # may hold "*"
    credentials: bool
    max_age: int | None
    preflight_status: int
    existing: Literal["replace", "keep"]
    timing: bool
    tolerated: frozenset[str]

    def key(self) -> tuple[object, ...]:
        fields = vars(self) | {"duplicates": None, "placed": None}
        for name in ("exact", "rules", "globs", "regexes"):
            fields[name] = frozenset(fields[name])
        return tuple(fields[name] for name in Spec.__annotations__)

    def show(self) -> str:
        """Return the representation of the policy: the call that would make it."""
        options = ", ".join(f"{name}={value!r}" for name, value in self.options().items())
        return f"Policy({options})"

    def options(self) -> PolicyOptions:
        """Return options that make this spec again, with the origins as they were listed."""
        origins: list[str | re.Pattern[str] | Within] = ["*"] if self.any_origin else []
        at = 0
        for before, entry in self.placed:
            origins += self.exact[at:before]
            at = before
            listed = isinstance(entry, (re.Pattern, Within))
            origins.append(entry if listed else write_pattern(entry))
        origins += self.exact[at:]
        return {
            "allow_origins": origins or (),
            "allow_methods": ["*"] * self.any_method + list(self.methods),
            "allow_headers": ["*"] * self.any_header + list(self.headers),
            "expose_headers": list(self.expose),
            "allow_credentials": self.credentials,
            "max_age": self.max_age,
            "preflight_status": self.preflight_status,
            "existing": self.existing,
            "timing_allow_origin": self.timing,
            "dangerously_tolerate": sorted(self.tolerated),
        }


def read_options(
    *,
    is_origin: Callable[[str], bool],
    allow_origins: object,
    allow_methods: object,
    allow_headers: object,
    expose_headers: object,
    allow_credentials: object,
    max_age: object,
    preflight_status: object,
    existing: object,
    dangerously_tolerate: object,
    timing_allow_origin: object = False,
) -> tuple[Spec, list[Problem]]:
    """Validate every option; see :class:`corsfast.Policy` for their values.

    Args:
        is_origin: returns whether a str is a serialized origin, or "null".

    Returns:
        the spec, and all problems in the order in which the options are read. If there are
        problems, the spec holds the valid part. risks.py finds options that are valid but
        dangerous.
    """
    problems: list[Problem] = []
    spec = Spec()
    _read_origins(spec, allow_origins, problems, is_origin)
    _read_methods(spec, allow_methods, problems)
    _read_headers(spec, allow_headers, problems)
    spec.credentials = _read_flag("allow_credentials", allow_credentials, problems)
    _read_expose(spec, expose_headers, problems)
    spec.max_age = _read_max_age(max_age, problems)
    spec.preflight_status = _read_status(preflight_status, problems)
    spec.existing = _read_existing(existing, problems)
    spec.timing = _read_flag("timing_allow_origin", timing_allow_origin, problems)
    _read_tolerated(spec, dangerously_tolerate, problems)
    return spec, [_without_wrong_hint(problem, spec.credentials) for problem in problems]


def _without_wrong_hint(problem: Problem, credentials: bool) -> Problem:
    """Return the problem without its hint if the suggested names would not be accepted.

    Hints for ``allow_origins`` need proofs and are not checked here.
    """
    checks: dict[str, Callable[[str, str], object]] = {
        "allow_methods": wrong_method,
        "allow_headers": wrong_header,
        "expose_headers": partial(wrong_exposed, credentials=credentials),
        "dangerously_tolerate": lambda _, code: code not in RISKS,
    }
    wrong = checks.get(problem.option)
    return problem if wrong is None else with_right_hint(problem, wrong)


def with_right_hint(problem: Problem, wrong: Callable[[str, str], object]) -> Problem:
    """Return the problem, without its hint if one of the suggested names is wrong."""
    hint = problem.hint or ""
    if hint[:1] not in ("'", '"', "["):
        return problem
    import ast

    names = ast.literal_eval(hint if hint[0] == "[" else f"[{hint}]")
    return changed(problem, hint=None) if any(wrong("", name) for name in names) else problem


# -- single options --------------------------------------------------------------------------


def _entries(option: str, value: object, problems: list[Problem]) -> list[object]:
    """Return the elements of a list-like option; reject any bare string except ``"*"``."""
    if value == "*":
        return ["*"]
    if isinstance(value, (str, bytes)):
        hint = repr(_split(value)) if value or option != ORIGINS else "()"
        message = f"{value!r} is a string where a list is expected."
        problems.append(Problem("bare-string", option, value, message, hint=hint))
        return []
    if isinstance(value, dict) or not hasattr(value, "__iter__") or _is_one(value):
        texts = texts_of(value) if option == ORIGINS else ()
        problems.append(_not_a("list of strings", option, value, repr([*texts]) if texts else None))
        return []
    items = list(value)
    # A set has no stable order, and headers should not change from one start to the next.
    return sorted(items, key=repr) if isinstance(value, (set, frozenset)) else items


def _is_one(value: object) -> bool:
    """Return whether an iterable is a single entry: a result of urllib, a network of ipaddress."""
    single = isinstance(value, bytearray) or hasattr(value, "prefixlen")
    return single or hasattr(value, "geturl")


def _split(value: str | bytes) -> list[str]:
    """Return the list that one string most likely means."""
    text = value if isinstance(value, str) else value.decode("latin-1")
    parts = (part.strip("'\"") for part in re.split(r"[,;\s]+", text.strip("[]() \t\r\n")))
    return [part for part in parts if part]


def _not_a(what: str, option: str, value: object, hint: str | None = None) -> Problem:
    message = f"{value!r} is of type {type(value).__name__}, not {what}."
    return Problem("type", option, value, message, hint=hint)


def _strings(option: str, value: object, problems: list[Problem]) -> Iterator[str]:
    for item in _entries(option, value, problems):
        if isinstance(item, str):
            yield str.__str__(item)  # a subclass may show another text than it holds
        else:
            hint = repr(item.decode("latin-1")) if isinstance(item, bytes) else None
            problems.append(_not_a("str", option, item, hint))


def _read_origins(
    spec: Spec, value: object, problems: list[Problem], is_origin: Callable[[str], bool]
) -> None:
    option = ORIGINS
    spec.any_origin = False
    exact: dict[str, None] = {}
    rules: dict[HostRule, None] = {}
    globs: dict[Glob | Network, None] = {}
    regexes: dict[re.Pattern[str] | Within, None] = {}
    if isinstance(value, (re.Pattern, Within)):
        problems.append(_not_a("list", option, value, f"[{value!r}]"))
        value = ()
    entries = _entries(option, value, problems)
    wrong = len(problems)
    unexplained: list[object] = []

    def reject(entry: object, explain: Callable[..., Problem], *more: object) -> None:
        if len(problems) - wrong < limits.MAX_EXPLAINED:
            problems.append(explain(entry, *more))
        else:
            unexplained.append(entry)

    for given in entries:
        # Use the text that a subclass of str holds, because it may show another one.
        entry = str.__str__(given) if isinstance(given, str) else given
        if isinstance(entry, str):
            # The loop may run for a million origins. Nearly all of them end here.
            if is_origin(entry):
                exact[entry] = None
                continue
            if entry == "*":
                spec.any_origin = True
                continue
            if len(entry) > limits.MAX_PATTERN:
                reject(entry, _too_long_pattern, entry)
                continue
            parsed = parse_pattern(entry)
            if parsed is None:
                if len(entry) > limits.MAX_REGEX:
                    reject(entry, _too_long_pattern, entry, "MAX_REGEX")
                else:
                    reject(entry, diagnose)
            elif isinstance(parsed, HostRule):
                rules[parsed] = None
            elif isinstance(parsed, (Glob, Network)):
                globs[parsed] = None
            else:
                exact[parsed] = None
        elif isinstance(entry, Within) or _is_text_pattern(entry):
            text = entry.regex.pattern if isinstance(entry, Within) else entry.pattern
            if len(text) > limits.MAX_REGEX:
                reject(entry, _too_long_pattern, text, "MAX_REGEX")
            else:
                regexes[entry] = None
        else:
            reject(entry, _wrong_type)
    if unexplained:
        message = (
            f"{len(unexplained)} more entries are not valid either, for example"
            f" {_shortened(unexplained[0])}; the limit of explanations is {limits.MAX_EXPLAINED}"
            " (MAX_EXPLAINED)."
        )
        problems.append(Problem("too-long", option, None, message))
    if spec.any_origin and (exact or rules or globs or regexes):
        message = "'*' allows every origin, so the other entries have no effect."
        hint = "either '*' alone or the list without it"
        problems.append(Problem("any-origin-beside-others", option, value, message, hint=hint))
    if len(globs) + len(regexes) > limits.MAX_PATTERNS:
        message = (
            f"{len(globs) + len(regexes)} globs, networks and regexes; the limit is"
            f" {limits.MAX_PATTERNS} (MAX_PATTERNS)."
        )
        hint = "fewer, or look origins up with a resolver"
        problems.append(Problem("too-long", option, None, message, hint=hint))
        globs, regexes = {}, {}
    spec.exact, spec.rules, spec.globs = tuple(exact), tuple(rules), tuple(globs)
    spec.regexes = tuple(regexes)
    spec.duplicates = spec.placed = ()
    if wrong == len(problems) and len(exact) < len(entries):
        _read_order(spec, entries, exact)


def _shortened(entry: object) -> str:
    shown = repr(entry)
    return shown if len(shown) <= 60 else f"{shown[:59]}…"


def _wrong_type(entry: object) -> Problem:
    if isinstance(entry, re.Pattern):
        text = f"re.compile({entry.pattern.decode('latin-1')!r})"
        return _not_a("a pattern of str", ORIGINS, entry, text)
    hint = ", ".join(map(repr, texts_of(entry))) or None
    return _not_a(f"str or re.Pattern{how_to_write(entry)}", ORIGINS, entry, hint)


def _too_long_pattern(entry: object, text: str, limit: str = "MAX_PATTERN") -> Problem:
    message = (
        f"{text[:20] + '…'!r} has {len(text)} characters; the limit is {getattr(limits, limit)}"
        f" ({limit})."
    )
    return Problem("too-long", ORIGINS, entry, message, hint="it as several entries")


def _read_order(spec: Spec, entries: list[object], exact: dict[str, None]) -> None:
    """Find the entries that are listed again in any spelling, and the places of all not exact."""
    seen: set[object] = set()
    duplicates: dict[Any, None] = {}
    placed: list[tuple[int, Any]] = []
    for given in entries:
        entry = str.__str__(given) if isinstance(given, str) else given
        if isinstance(entry, str) and entry not in exact:
            entry = parse_pattern(entry) or entry
        if entry in seen:
            duplicates[entry] = None
        elif not isinstance(entry, str):
            placed.append((len(seen) - len(placed), entry))
        seen.add(entry)
    spec.duplicates, spec.placed = tuple(duplicates), tuple(placed)


def _is_text_pattern(entry: object) -> TypeGuard[re.Pattern[str]]:
    return isinstance(entry, re.Pattern) and isinstance(entry.pattern, str)


def _read_names(
    option: str, value: object, problems: list[Problem], wrong: Callable[[str, str], Problem | None]
) -> list[str]:
    """Return the valid names of an option, and ``"*"`` if it is listed.

    Args:
        wrong: returns the problem of a name, if there is one.
    """
    names = []
    for name in _strings(option, value, problems):
        problem = wrong(option, name)
        if problem is None:
            names.append(name)
        else:
            problems.append(problem)
    return names


def unique(names: Iterable[str]) -> tuple[str, ...]:
    """Return the names without those that differ only by case from an earlier one."""
    found: dict[str, str] = {}
    for name in names:
        found.setdefault(name.lower(), name)
    return tuple(found.values())


def _read_methods(spec: Spec, value: object, problems: list[Problem]) -> None:
    methods = _read_names("allow_methods", value, problems, wrong_method)
    spec.any_method = "*" in methods
    upper = fetch.NORMALIZED_METHODS
    written = (m.upper() if m.upper() in upper else m for m in methods if m != "*")
    spec.methods = tuple(dict.fromkeys(written))


def wrong_method(option: str, method: str) -> Problem | None:
    """Return the problem of a method, if there is one; ``"*"`` is an ordinary token here."""
    upper = method.upper()
    if not is_token(method, limits.MAX_METHOD):
        return _not_a_token(option, method, limits.MAX_METHOD)
    if upper in fetch.FORBIDDEN_METHODS:
        message = f"{method!r} is a forbidden method; no browser sends it from a page."
        return Problem("forbidden-method", option, method, message)
    if upper != method and upper in ("PATCH", "QUERY"):
        message = (
            f"{method!r}: methods compare byte for byte, and browsers do not upper-case this one."
        )
        return Problem("method-case", option, method, message, hint=repr(upper))
    return _no_wildcard(option, method)


def _read_headers(spec: Spec, value: object, problems: list[Problem]) -> None:
    names = unique(_read_names("allow_headers", value, problems, wrong_header))
    spec.any_header = "*" in names
    spec.headers = tuple(name for name in names if name != "*")


def wrong_header(option: str, name: str) -> Problem | None:
    """Return the problem of the name of a request header, if there is one."""
    lower = name.lower()
    if not is_token(name, limits.MAX_HEADER_NAME):
        return _not_a_token(option, name, limits.MAX_HEADER_NAME)
    if lower in fetch.FORBIDDEN_REQUEST_HEADERS or lower.startswith(
        fetch.FORBIDDEN_REQUEST_HEADER_PREFIXES
    ):
        message = f"{name!r} is a forbidden request-header; no page can set it."
        return Problem("forbidden-header", option, name, message)
    return _no_wildcard(option, name)


def _read_expose(spec: Spec, value: object, problems: list[Problem]) -> None:
    wrong = partial(wrong_exposed, credentials=spec.credentials)
    names = unique(_read_names("expose_headers", value, problems, wrong))
    spec.expose = ("*",) if "*" in names else names


def wrong_exposed(option: str, name: str, credentials: bool) -> Problem | None:
    """Return the problem of the name of a response header, or of ``"*"``, if there is one."""
    if name == "*" and credentials:
        message = "'*' is not a wildcard to browsers if credentials are allowed."
        hint = "the names, one by one"
        return Problem("expose-any-with-credentials", option, name, message, hint=hint)
    if not is_token(name, limits.MAX_HEADER_NAME):
        return _not_a_token(option, name, limits.MAX_HEADER_NAME)
    if name.lower() in fetch.FORBIDDEN_RESPONSE_HEADERS:
        message = f"{name!r} can never be read by a page, even if it is exposed."
        return Problem("forbidden-header", option, name, message)
    return _no_wildcard(option, name)


def _no_wildcard(option: str, name: str) -> Problem | None:
    """Return a problem if a token means several names in other software: ``X-*``, ``all``."""
    parts = name.split("|")
    if len(parts) > 1 and all(parts):
        return _list_in_string(option, name, parts)
    word = name.lower() in ("all", "any")
    if name == "*" or not (word or "*" in name):
        return None
    message = f"{name!r} is not a wildcard to browsers; only '*' alone means any name."
    return Problem("looks-like-glob", option, name, message, hint="'*'" if word else None)


def _list_in_string(option: str, value: str, parts: list[str]) -> Problem:
    message = f"{value!r} is a list in one string; write each name as an element."
    return Problem("list-in-string", option, value, message, hint=", ".join(map(repr, parts)))


def is_token(text: str, limit: int) -> bool:
    """Return whether a text is a method or header name of at most `limit` characters."""
    return len(text) <= limit and fetch.TOKEN.fullmatch(text) is not None


def _not_a_token(option: str, value: str, limit: int) -> Problem:
    parts = [part.strip() for part in value.split(",")]
    if len(parts) > 1 and all(is_token(part, limit) for part in parts):
        return _list_in_string(option, value, parts)
    if len(value) > limit:
        shown = f"{value[:20]}…"
        message = f"{shown!r} has {len(value)} characters; the limit is {limit}."
        return Problem("too-long", option, value, message)
    if not value:
        return Problem("not-a-token", option, value, "'' is not a name; leave it out.")
    message = f"{value!r} is not a token (RFC 9110, section 5.6.2)."
    meant = value.partition(":")[0].strip(" \t\r\n,;'\"")  # as on a line of a request
    hint = repr(meant) if fetch.TOKEN.fullmatch(meant) and "*" not in meant else None
    return Problem("not-a-token", option, value, message, hint=hint)


def _read_flag(option: str, value: object, problems: list[Problem]) -> bool:
    if isinstance(value, bool):
        return value
    problems.append(_not_a("bool", option, value, flag_meant(value)))
    return False


def flag_meant(value: object) -> str:
    """Return the flag that a value most likely means, as a suggestion."""
    text = str(value).strip().lower()
    if text in ("true", "1", "yes", "y", "on"):
        return "True"
    return "False" if text in ("", "false", "0", "no", "n", "off", "none") else "True or False"


def _read_max_age(value: object, problems: list[Problem]) -> int | None:
    problem = wrong_max_age("max_age", value)
    if problem is not None:
        problems.append(problem)
    return int(value) if problem is None and isinstance(value, int) else None


def wrong_max_age(option: str, value: object) -> Problem | None:
    """Return the problem of a value that is neither ``None`` nor a valid number of seconds."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int):
        return _not_a("int (seconds) or None", option, value, _seconds(value))
    if 0 <= value <= limits.MAX_MAX_AGE:
        return None
    message = f"{value} is not within 0 to {limits.MAX_MAX_AGE} seconds."
    hint = str(limits.MAX_MAX_AGE) if value > 0 else "0 (do not cache)"
    return Problem("out-of-range", option, value, message, hint=hint)


def _seconds(value: object) -> str | None:
    """Return what a value such as 600.0 or "10m" means in seconds, as the text of a hint."""
    total = getattr(value, "total_seconds", None)  # a timedelta has it
    if total is not None:
        value = float(total())
    text = str(value).strip() if isinstance(value, (str, float)) else ""
    unit = r"(s|sec|seconds?|m|min|minutes?|h|hours?|d|days?)?"
    meant = re.fullmatch(rf"0*([0-9]{{1,5}})(?:\.0)? ?{unit}", text.lower())
    if meant is not None:
        seconds = int(meant[1]) * {"m": 60, "h": 3600, "d": 86400}.get((meant[2] or "s")[0], 1)
        return str(seconds) if seconds <= limits.MAX_MAX_AGE else None
    return "None" if text.lower() in ("none", "null") else None


def _read_status(value: object, problems: list[Problem]) -> int:
    option = "preflight_status"
    if isinstance(value, bool) or not isinstance(value, int):
        problems.append(_not_a("int", option, value, "204"))
    elif not 200 <= value <= 299:
        # https://fetch.spec.whatwg.org/#cors-preflight-fetch: "response's status is an ok status"
        message = f"{value} fails every preflight: browsers require 200 to 299."
        problems.append(Problem("out-of-range", option, value, message, hint="204"))
    else:
        return int(value)
    return 204


def _read_existing(value: object, problems: list[Problem]) -> Literal["replace", "keep"]:
    if value in ("replace", "keep"):
        return "keep" if value == "keep" else "replace"
    message = f"{value!r} is neither 'replace' nor 'keep'."
    problems.append(Problem("choice", "existing", value, message, hint="'replace'"))
    return "replace"


def _read_tolerated(spec: Spec, value: object, problems: list[Problem]) -> None:
    option = "dangerously_tolerate"
    codes = set()
    for code in _strings(option, value, problems):
        if code in RISKS:
            codes.add(code)
        else:
            message = f"{code!r} is not a risk that can be tolerated."
            hint = "one of " + ", ".join(map(repr, RISKS))
            problems.append(Problem("choice", option, code, message, hint=hint))
    spec.tolerated = frozenset(codes)
