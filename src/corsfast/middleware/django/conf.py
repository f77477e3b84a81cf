"""The CORS_* settings, read and compiled once for each state of Django's settings.

Reading one setting costs as much as deciding a hundred requests, so none is read per request.
What may not be missed instead is a change, and each way to make one sets or deletes an
attribute of `django.conf.settings`: `override_settings`, `self.settings(...)` and
pytest-django's `settings` set `_wrapped`. So that one object is given a subclass of its class,
which says when that was done, and a request asks for no more than whether answers are kept.

Where the settings are no `LazySettings` of Django's (another library has put its own there),
nothing is kept, and the state is compared for each request:

1. another object under the settings: seen by its identity;
2. `settings.CORS_X = value` writes to that object: seen by the identity of the values;
3. the same with a setting that was not there: seen by the number of values;
4. `del settings.CORS_X` under an override: seen by the number of names that are deleted.

A list that is changed in place is not seen.

Place in the flow: defaults, _lenient, _schemes -> this -> checks, middleware.
Never: read a setting per request; raise for anything that a request holds.
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

from ..._engine.tables import empty_list, warn
from ..._options.origin import is_origin
from ..._options.suggestions import suggest_networks, suggestions_for
from ..._proofs.ineffective import bare_string
from ..._proofs.ineffective_django import BY_CHARACTER, idle_settings, names_in
from ...errors import Problem
from .._dropin.messages import Mender, Words, regex_from
from .._dropin.non_web_origins import FILE
from .._dropin.policy import lenient_policy
from .defaults import default_headers, default_methods

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ..._engine.select import Policy

NAME = "corsfast.middleware.django"

ALL_ORIGINS = "CORS_ALLOW_ALL_ORIGINS"
ORIGINS = "CORS_ALLOWED_ORIGINS"
REGEXES = "CORS_ALLOWED_ORIGIN_REGEXES"

# Each setting with its older name, which counts where the newer one is missing, and what is
# meant where both are.
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

# As many states of the settings as the tests of a project go through in turns.
_POLICIES_KEPT = 64


def name_in_use(name: str) -> str:
    """The newer name of a setting, or the older one where only that may be set."""
    old = SETTINGS[name][0]
    older = old is not None and not hasattr(settings, name) and hasattr(settings, old)
    return old if old is not None and older else name


def read(name: str) -> Any:
    """The value of a setting, under either of its names, or what is meant without it."""
    value = getattr(settings, name_in_use(name), settings)
    return SETTINGS[name][1] if value is settings else value


class Answers:
    """What the settings say, ready to be sent. Nothing writes to it once it is made.

    Attributes:
        every_path: whether each path without a line feed is covered.
        covers: `(path) -> match`, asked for the others.
        allows: `(origin) -> bool`, for an Origin that is not empty.
        star: whether `*` is sent in place of the origin.
        fields: what follows Access-Control-Allow-Origin, as Django stores it.
        listed: by the origin, for those that are listed one by one, all fields of an answer to
            other requests than OPTIONS, with Vary; empty where more has to be looked at.
        options_fields: the same for OPTIONS requests.
        private_network: whether a request for private network access is granted.
        warnings: what is to be said about the settings.
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
        """Say what is to be said."""
        for warning in self.warnings:
            warn(*warning)


class _Seen:
    """A state of Django's settings, and the answers for it."""

    answers: Answers

    def __init__(self) -> None:
        # The settings are loaded with the first one that is read.
        getattr(settings, ORIGINS, None)
        self.wrapped = _lazy.get("_wrapped")
        self.values: dict[str, Any] = getattr(self.wrapped, "__dict__", {})
        self.size = len(self.values)
        # Only settings that override others note what was deleted; the others forget it.
        self.deleted: set[str] | None = getattr(self.wrapped, "_deleted", None)
        self.deletions = len(self.deleted or ())
        here = [name for name in _NAMES if name in self.values]
        # Twice one name at least: one alone would be given as it is, and comparing a list
        # with itself looks at all of it, which a tuple that holds it does not.
        self.pick: Callable[[dict[str, Any]], Any] = (
            itemgetter(*here, here[0]) if here else _pick_nothing
        )
        self.picked = self.pick(self.values)


def _pick_nothing(_: dict[str, Any]) -> tuple[()]:
    return ()


class _Latest:
    """Holds what was seen last.

    Attributes:
        answers: those of `seen`, as long as nothing was set since; never kept where the
            settings are not watched.
        change: another object after each change.
    """

    __slots__ = ("answers", "change", "seen")
    answers: Answers | None
    change: object
    seen: _Seen | None


# What LazySettings keeps of itself; it is emptied, but never replaced. Through the object
# itself each look would cost a microsecond.
_lazy: dict[str, Any] = settings.__dict__
latest = _Latest()
latest.answers = latest.change = latest.seen = None


def answers_now(*, say_again: bool = False) -> Answers:
    """The answers for the settings as they are now; compiled anew if these have changed.

    Need not be asked while there are `latest.answers`.

    Args:
        say_again: whether to warn of settings that have not changed, too.

    Raises:
        ImproperlyConfigured: for settings that cannot be read.
        PolicyError: with CORS_STRICT, for origins that are insecure or match nothing.

    Warns:
        CorsfastSecurityWarning: otherwise, once per risk.
        CorsfastDeadEntryWarning: otherwise, once per entry that matches nothing.
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
        # Another thread may have changed what was being read, before this was kept.
        if latest.change is not change:
            latest.answers = latest.seen = None
    return seen.answers


def _forget(*, setting: str, **_: object) -> None:
    if setting.startswith("CORS_"):
        _changed()


def _changed() -> None:
    # In this order: who has read before keeps answers before it looks at `change`.
    latest.change = object()
    latest.answers = latest.seen = None


class _WatchedSettings(LazySettings):  # type: ignore[misc]
    """Django's settings, which say what was set or deleted once that is done."""

    def __setattr__(self, name: str, value: object) -> None:
        super().__setattr__(name, value)
        if name == "_wrapped" or name.startswith("CORS_"):
            _changed()

    def __delattr__(self, name: str) -> None:
        super().__delattr__(name)
        if name.startswith("CORS_"):
            _changed()


def _watch() -> bool:
    """Whether the settings say from now on what is set."""
    if type(settings) is not LazySettings:
        return False
    # The settings' own `__class__` is that of the object that they stand for.
    object.__dict__["__class__"].__set__(settings, _WatchedSettings)
    return True


setting_changed.connect(_forget, dispatch_uid=NAME)
_WATCHED = _watch()


# -- compiling -------------------------------------------------------------------------------


def compile_answers() -> Answers:
    """Read all settings and spell out every answer; says nothing yet.

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
    """Fields as a response keeps them, with what Django does to values that are not ASCII."""
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
    """Who is admitted, as the settings say it; equal where they say the same.

    Attributes:
        names: the settings for all origins, some, and regexes: they may be the older ones.
        everybody: whether all origins are; the others are not read then.
        origins: the entries of CORS_ALLOWED_ORIGINS.
        regexes: those of CORS_ALLOWED_ORIGIN_REGEXES, compiled.
        problems: a str in place of a list, and settings that do nothing.
    """

    names: tuple[str, str, str]
    everybody: bool
    origins: tuple[str, ...] = ()
    regexes: tuple[re.Pattern[str], ...] = ()
    problems: tuple[Problem, ...] = ()


def read_admitted() -> Admitted:
    """Read the settings that say it; a str alone is a list of one entry.

    Raises:
        TypeError, re.error: for what is no list, or holds something else.
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
    """A regex of a setting, compiled."""
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
    """Return the policy of these settings, and what to warn of. Kept.

    Raises:
        PolicyError: with `strict`, holding every problem.
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
    policy = lenient_policy(
        NAME,
        listed,
        credentials=credentials,
        strict=strict,
        also=problems,
        words=Words(any_origin=f"{for_all} = True", regex=f"{{}} in {for_regexes}"),
        tell=lambda *warning: said.append(warning),
    )
    return policy, tuple(said)


def _serialised(entry: str) -> str:
    """Return an entry as browsers write it, if it has the scheme and host of an origin.

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
