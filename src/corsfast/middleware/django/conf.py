"""Read and compile the CORS_* settings, once for each state of Django's settings.

Reading one setting costs as much as deciding a hundred requests, so none is read per request.
But changes must be noticed. Every way to change a setting sets or deletes an attribute of
`django.conf.settings`. For example, `override_settings`, `self.settings(...)` and pytest-django's
`settings` set `_wrapped`. So the class of this object is replaced by a subclass that drops the
cached answers after such a change. A request only checks whether there are cached answers.

If another library has replaced the settings by an object that is not a `LazySettings`, nothing is
cached. Then each request compares the state of the settings:

1. a new object under the settings has another identity;
2. `settings.CORS_X = value` writes another value to that object;
3. a setting that was not set before changes the number of values;
4. `del settings.CORS_X` under an override changes the number of deleted names.

A list that is changed in place is not noticed.
"""

from __future__ import annotations

import re
from functools import lru_cache
from operator import itemgetter
from typing import NamedTuple
from urllib.parse import urlsplit

from django.conf import LazySettings, settings
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed
from django.http import BadHeaderError, HttpResponse

from ..._engine.select import Policy
from ..._engine.tables import empty_list, warn
from ..._options.origin import is_origin
from ..._options.suggestions import suggest_networks, suggestions_for
from ..._proofs.ineffective import bare_string
from ..._proofs.ineffective_django import BY_CHARACTER, idle_settings, names_in
from ...errors import Problem
from .._dropin.messages import Mender, Words, regex_from
from .._dropin.non_web_origins import FILE
from .._dropin.policy import lenient_tables
from .defaults import default_headers, default_methods

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


NAME = "corsfast.middleware.django"

ALL_ORIGINS = "CORS_ALLOW_ALL_ORIGINS"
ORIGINS = "CORS_ALLOWED_ORIGINS"
REGEXES = "CORS_ALLOWED_ORIGIN_REGEXES"

# Each setting with its older name, which is used if the newer one is not set, and its default.
SETTINGS: dict[str, tuple[str | None, Any]] = {
    ORIGINS: ("CORS_ORIGIN_WHITELIST", ()),
    REGEXES: ("CORS_ORIGIN_REGEX_WHITELIST", ()),
    ALL_ORIGINS: ("CORS_ORIGIN_ALLOW_ALL", False),
    "CORS_ALLOW_CREDENTIALS": (None, False),
    "CORS_ALLOW_HEADERS": (None, default_headers),
    "CORS_ALLOW_METHODS": (None, default_methods),
    "CORS_ALLOW_PRIVATE_NETWORK": (None, False),
    "CORS_EXPOSE_HEADERS": (None, ()),
    "CORS_PREFLIGHT_MAX_AGE": (None, 86400),
    "CORS_STRICT": (None, False),
    "CORS_URLS_REGEX": (None, r"^.*$"),
}
_NAMES = [name for new, (old, _) in SETTINGS.items() for name in (new, old) if name is not None]

ALLOW_ORIGIN = "access-control-allow-origin"
VARY = ("Vary", "origin")

# Enough for the states of the settings that a project's tests alternate between.
_POLICIES_KEPT = 64


def name_in_use(name: str) -> str:
    """Return the newer name of a setting, or the older one if only that is set."""
    old = SETTINGS[name][0]
    older = old is not None and not hasattr(settings, name) and hasattr(settings, old)
    return old if old is not None and older else name


def read(name: str) -> Any:
    """Return the value of a setting under either of its names, or its default."""
    value = getattr(settings, name_in_use(name), settings)
    return SETTINGS[name][1] if value is settings else value


class Answers:
    """The compiled settings, as answers. They do not change once they are made.

    Attributes:
        every_path: whether CORS_URLS_REGEX matches every path without a line feed.
        covers: `(path) -> match`, for all other paths.
        allows: `(origin) -> bool`, for an Origin that is not empty.
        star: whether `*` is sent instead of the origin.
        fields: the fields after Access-Control-Allow-Origin, as Django stores them.
        listed: for each origin in the list, all fields of the answer to a request that is not
            OPTIONS, with Vary. It is empty if the fields also depend on something else.
        options_fields: like `fields`, for OPTIONS requests.
        private_network: whether a request for private network access is granted.
        warnings: the warnings about the settings.
    """

    __slots__ = (
        "allows",
        "covers",
        "every_path",
        "fields",
        "listed",
        "options_fields",
        "private_network",
        "star",
        "warnings",
    )
    every_path: bool
    covers: Callable[[str], object]
    allows: Callable[[str], bool]
    star: bool
    fields: dict[str, tuple[str, str]]
    listed: dict[str, dict[str, tuple[str, str]]]
    options_fields: dict[str, tuple[str, str]]
    private_network: bool
    warnings: tuple[tuple[str, type[Warning]], ...]

    def warn(self) -> None:
        """Emit the collected warnings."""
        for warning in self.warnings:
            warn(*warning)


class _Seen:
    """A state of Django's settings, and the answers for it."""

    answers: Answers

    def __init__(self) -> None:
        # Reading any setting loads the settings.
        getattr(settings, ORIGINS, None)
        self.wrapped = _lazy.get("_wrapped")
        self.values: dict[str, Any] = getattr(self.wrapped, "__dict__", {})
        self.size = len(self.values)
        # Only settings that override others keep the deleted names.
        self.deleted: set[str] | None = getattr(self.wrapped, "_deleted", None)
        self.deletions = len(self.deleted or ())
        here = [name for name in _NAMES if name in self.values]
        # Pick at least two values, so that the result is a tuple. Tuples compare their elements
        # by identity first, while comparing a list with itself compares all its elements.
        self.pick: Callable[[dict[str, Any]], Any] = (
            itemgetter(*here, here[0]) if here else _pick_nothing
        )
        self.picked = self.pick(self.values)


def _pick_nothing(_: dict[str, Any]) -> tuple[()]:
    return ()


class _Latest:
    """The latest state of the settings.

    Attributes:
        answers: the answers of `seen`, until a setting changes; always None if the settings are
            not watched.
        change: a new object after each change.
    """

    __slots__ = ("answers", "change", "seen")
    answers: Answers | None
    change: object
    seen: _Seen | None


# The attributes of the LazySettings object. Django empties this dict, but never replaces it. An
# access through the object itself would cost a microsecond.
_lazy: dict[str, Any] = settings.__dict__
latest = _Latest()
latest.answers = latest.change = latest.seen = None


def answers_now(*, say_again: bool = False) -> Answers:
    """Return the answers for the current settings, and compile them if the settings changed.

    There is no need to call this while `latest.answers` is set.

    Args:
        say_again: whether to emit the warnings even if the settings did not change.

    Raises:
        ImproperlyConfigured: for settings that cannot be read.
        PolicyError: with CORS_STRICT, for origins that are insecure or match nothing.

    Warns:
        CorsfastSecurityWarning: without CORS_STRICT, once per risk.
        CorsfastDeadEntryWarning: without CORS_STRICT, once per entry that matches nothing.
    """
    change = latest.change
    seen = latest.seen
    if (
        seen is None
        or _lazy.get("_wrapped") is not seen.wrapped
        or len(seen.values) != seen.size
        or (seen.deleted is not None and len(seen.deleted) != seen.deletions)
        or seen.pick(seen.values) != seen.picked
    ):
        seen = _Seen()
        seen.answers = compile_answers()
        seen.answers.warn()
        latest.seen = seen
    elif say_again:
        seen.answers.warn()
    if _WATCHED:
        latest.answers = seen.answers
        # Another thread may have changed a setting after it was read.
        if latest.change is not change:
            latest.answers = latest.seen = None
    return seen.answers


def _forget(*, setting: str, **_: object) -> None:
    if setting.startswith("CORS_"):
        _changed()


def _changed() -> None:
    # Keep this order, because a concurrent `answers_now` stores its answers before it compares
    # `change`.
    latest.change = object()
    latest.answers = latest.seen = None


class _WatchedSettings(LazySettings):  # type: ignore[misc]
    """Django's settings, with a hook that drops the cached answers after a change."""

    def __setattr__(self, name: str, value: object) -> None:
        super().__setattr__(name, value)
        if name == "_wrapped" or name.startswith("CORS_"):
            _changed()

    def __delattr__(self, name: str) -> None:
        super().__delattr__(name)
        if name.startswith("CORS_"):
            _changed()


def _watch() -> bool:
    """Watch the settings for changes, and return whether this is possible."""
    if type(settings) is not LazySettings:
        return False
    # `settings.__class__` would be the class of the wrapped object.
    object.__dict__["__class__"].__set__(settings, _WatchedSettings)
    return True


setting_changed.connect(_forget, dispatch_uid=NAME)
_WATCHED = _watch()


# -- compiling -------------------------------------------------------------------------------


def compile_answers() -> Answers:
    """Read all settings and compile the answers, without emitting the warnings.

    Raises:
        ImproperlyConfigured, PolicyError: see `answers_now`.
    """
    try:
        return _compile_answers()
    except (TypeError, AttributeError, re.error, BadHeaderError) as error:
        raise ImproperlyConfigured(
            f"the CORS_* settings cannot be read ({error}); `manage.py check` says which one,"
            f" with {NAME!r} in INSTALLED_APPS"
        ) from error


def _compile_answers() -> Answers:
    answers = Answers()
    paths = read("CORS_URLS_REGEX")
    answers.every_path = paths in ("", ".*", "^.*", "^.*$")
    answers.covers = re.compile(paths).match
    credentials = bool(read("CORS_ALLOW_CREDENTIALS"))
    admitted = read_admitted()
    answers.star = admitted.everybody and not credentials
    policy, answers.warnings = policy_for(admitted, credentials, bool(read("CORS_STRICT")))
    file = admitted.everybody or FILE in admitted.origins
    answers.allows = _verdict(answers.star, file, policy)
    answers.private_network = bool(read("CORS_ALLOW_PRIVATE_NETWORK"))
    fields = {}
    if credentials:
        fields["access-control-allow-credentials"] = "true"
    exposed = names_in(read("CORS_EXPOSE_HEADERS"))
    if len(exposed):
        fields["access-control-expose-headers"] = ", ".join(exposed)
    answers.fields = _as_stored(fields)
    answers.listed = {}
    if not (answers.star or answers.private_network):
        answers.listed = {
            origin: {ALLOW_ORIGIN: (ALLOW_ORIGIN, origin), **answers.fields, "vary": VARY}
            for origin in map(_serialised, admitted.origins)
            if answers.allows(origin)
        }
    fields["access-control-allow-headers"] = ", ".join(names_in(read("CORS_ALLOW_HEADERS")))
    fields["access-control-allow-methods"] = ", ".join(names_in(read("CORS_ALLOW_METHODS")))
    max_age = read("CORS_PREFLIGHT_MAX_AGE")
    if max_age:
        fields["access-control-max-age"] = str(max_age)
    answers.options_fields = _as_stored(fields)
    return answers


def _as_stored(fields: dict[str, str]) -> dict[str, tuple[str, str]]:
    """Return fields as a response stores them; Django encodes values that are not ASCII."""
    headers = HttpResponse(headers=fields).headers
    return {name: (name, headers[name]) for name in fields}


def _verdict(star: bool, file: bool, policy: Policy) -> Callable[[str], bool]:
    if star:
        return bool
    allows = policy.allows_origin
    if not file:
        return allows
    return lambda origin: allows(origin) or origin == FILE


class Admitted(NamedTuple):
    """The values of the origin settings. Two of them are equal if the settings are equal.

    Attributes:
        names: the names in use of the settings for all origins, for listed origins, and for
            regexes. They may be the older ones.
        everybody: whether all origins are allowed. Then the other settings are not read.
        origins: the entries of CORS_ALLOWED_ORIGINS.
        regexes: the entries of CORS_ALLOWED_ORIGIN_REGEXES, compiled.
        problems: a str instead of a list, and settings that have no effect.
    """

    names: tuple[str, str, str]
    everybody: bool
    origins: tuple[str, ...] = ()
    regexes: tuple[re.Pattern[str], ...] = ()
    problems: tuple[Problem, ...] = ()


def read_admitted() -> Admitted:
    """Read the origin settings. A str is read as a list of one entry.

    Raises:
        TypeError, re.error: for a value that is not a list, or an entry that is not valid.
    """
    names = (name_in_use(ALL_ORIGINS), name_in_use(ORIGINS), name_in_use(REGEXES))
    idle = idle_settings(
        {name: getattr(settings, name) for name in dir(settings) if "CORS" in name.upper()}
    )
    if read(ALL_ORIGINS):
        return Admitted(names, everybody=True, problems=tuple(idle))
    _, for_some, for_regexes = names
    origins, problems = _read_list(for_some, read(ORIGINS))
    regexes, more = _read_list(for_regexes, read(REGEXES))
    for entry in origins:
        if not isinstance(entry, str):
            meant = ", ".join(map(repr, suggestions_for(entry)))
            advice = f"; write {meant}" if meant else ""
            if isinstance(entry, re.Pattern):
                advice = f"; a regex belongs in {for_regexes}"
            kind = type(entry).__name__
            raise TypeError(f"{for_some}: an origin is a str, not {kind}{advice}")
    compiled = tuple(_compiled(for_regexes, entry) for entry in regexes)
    if not compiled:
        problems += empty_list(for_some, read(ORIGINS))
    return Admitted(names, False, tuple(origins), compiled, (*problems, *more, *idle))


def _compiled(setting: str, entry: Any) -> re.Pattern[str]:
    """Compile a regex of a setting."""
    if not isinstance(getattr(entry, "pattern", entry), str):
        raise TypeError(f"{setting}: {entry!r} is not a regex of str")
    words = Words(any_origin=f"{ALL_ORIGINS} = True", regex=f"{{}} in {setting}")
    return regex_from(setting, entry, Mender(False, words))


def _read_list(setting: str, value: Any) -> tuple[Any, list[Problem]]:
    if not isinstance(value, str):
        if not hasattr(value, "__iter__"):
            kind = type(value).__name__
            raise TypeError(f"{setting} is a list of strings, not {kind}; write {setting} = [...]")
        return value, []
    hint = repr([value] if value else [])
    problem = bare_string(setting, value, hint, others=BY_CHARACTER, read="a list of one")
    return [value], [problem]


@lru_cache(_POLICIES_KEPT)
def policy_for(
    admitted: Admitted, credentials: bool, strict: bool
) -> tuple[Policy, tuple[tuple[str, type[Warning]], ...]]:
    """Return the policy of these settings, and its warnings. The result is cached.

    Raises:
        PolicyError: with `strict`, with all problems together.
    """
    said: list[tuple[str, type[Warning]]] = []
    (for_all, for_some, for_regexes), everybody, origins, regexes, found = admitted
    problems = [*found]
    exact = []
    for entry in origins:
        origin = _serialised(entry)
        if origin == "*":
            problems.append(
                Problem(
                    "any-origin-as-entry",
                    for_some,
                    entry,
                    "'*' matches nothing as an entry of this list.",
                    hint=f"{ALL_ORIGINS} = True",
                )
            )
        elif origin != FILE:
            exact.append(origin)
    listed: dict[str, list[str | re.Pattern[str]]] = {for_some: [*exact], for_regexes: [*regexes]}
    if everybody:
        listed = {for_all: ["*"]}
    tables = lenient_tables(
        NAME,
        listed,
        credentials=credentials,
        strict=strict,
        also=problems,
        words=Words(any_origin=f"{for_all} = True", regex=f"{{}} in {for_regexes}"),
        tell=lambda *warning: said.append(warning),
    )
    return Policy._from_tables(tables), tuple(said)


def _serialised(entry: str) -> str:
    """Return an entry as a serialized origin, if it has the scheme and host of one.

    A path is ignored, because the check E014 reports it, unless the entry is a network.
    """
    try:
        url = urlsplit(entry)
    except ValueError:
        return entry
    if "/" in url.path and suggest_networks(entry):
        return entry
    origin = f"{url.scheme}://{url.netloc}"
    return origin if origin == FILE or is_origin(origin) else entry
