"""Read the policy of a CORS layer: ours, and those of the libraries that ours replace."""

from __future__ import annotations

import re
import sys

from ..._options.origin import is_origin
from ..._proofs.automata import shortest_words
from ..._proofs.changes import side_of
from ..._proofs.dialect import Dialect
from ...middleware._generic.policy_source import reader_of
from ..check.django_settings import HARMLESS, read_exact, read_found, read_regexes
from ..check.subject import Subject
from .load import held, is_a
from .model import Layer, Rule

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import Any

ANY_ORIGIN = "https://app.example.com"
# How many of the shortest origins of a pattern are looked at.
CANDIDATES = 1000

_STARLETTE = Dialect('allow_origins=["*"]', "allow_origin_regex={}")
_ALL_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"})
# Starlette, its replacement and Litestar name these as `Policy` does.
_OPTIONS = ("allow_origins", "allow_methods", "allow_headers", "allow_credentials")


def read_layer(layer: Layer, scope: Mapping[str, Any]) -> None:
    """Fill in the rules of a layer, if it is a CORS layer that is known.

    Args:
        scope: what the frameworks around it add to the scope of a request.
    """
    thing = layer.thing
    own = is_a(thing, "corsfast", "CorsMiddleware", "CORSMiddleware")
    if is_a(thing, "corsfast", "Featured"):
        source, given = thing.arguments()
        layer.checks_websockets = given.get("websockets") == "check"
        layer.cross_site = given["cross_site"]
        sources = given["paths"].items() if "paths" in given else [(None, source)]
        layer.rules = [_own(path, found) for path, found in sources if found is not None]
    elif is_a(thing, "corsheaders", "CorsMiddleware") or (own and hasattr(thing, "get_response")):
        settings = sys.modules["django.conf"].settings
        layer.rules = [_django(settings, own)]
        layer.cross_site = getattr(settings, "CORS_CROSS_SITE", "allow") if own else "allow"
    elif is_a(thing, "litestar", "CORSMiddleware") or (own and not hasattr(thing, "_options")):
        layer.rules = [_litestar(scope["litestar_app"].cors_config)]
        if own and (guard := thing._preflights.guard) is not None:
            layer.cross_site = "refuse" if guard._refuses else "report"
    elif own:
        layer.rules = [_starlette(thing._options, thing._options["allow_origin_regex"])]
        layer.cross_site = thing._options["cross_site"]
    elif is_a(thing, "starlette", "CORSMiddleware"):
        options = {name: getattr(thing, name) for name in _OPTIONS}
        layer.rules = [_starlette(options, thing.allow_origin_regex)]


def _rule(subject: Subject, paths: re.Pattern[str] | None = None) -> Rule:
    options = subject.options or {}
    methods: Any = options.get("allow_methods", ())
    listed = isinstance(methods, (list, tuple, set, frozenset)) and "*" not in methods
    # A list of all methods is a default of the library, or it means any method.
    chosen = tuple(map(str, methods)) if listed and not _ALL_METHODS.issubset(methods) else ()
    credentials = bool(options.get("allow_credentials"))
    return Rule(subject, _example(subject), chosen, credentials, paths)


def _example(subject: Subject) -> str | None:
    """Return an origin that a policy allows, for the preflights."""
    regexes = [(applied.regex, applied.dialect.match.how) for applied in subject.regexes]
    side = side_of(subject.options or {}, regexes)
    if side.spec.any_origin:
        return ANY_ORIGIN
    for origin in side.exact:
        if origin.startswith("http"):
            return origin
    for family in side.families:
        words = shortest_words(family.dfa) if family.dfa is not None else ()
        for word, _ in zip(words, range(CANDIDATES), strict=False):
            if word.startswith("http") and is_origin(word) and side.allows(word):
                return word
    return None


def _own(path: object, source: Any) -> Rule:
    options: dict[str, Any] = {**reader_of(source)().options()}
    where = "" if path is None else f"paths[{path!r}]."
    return _rule(Subject("", options=options, labels={name: where + name for name in options}))


def _foreign(
    options: Mapping[str, Any],
    regexes: Iterable[Any],
    names: Mapping[str, str],
    dialect: Dialect,
    how: str = "fullmatch",
    paths: re.Pattern[str] | None = None,
) -> Rule:
    """Make a rule of another library's options.

    Args:
        options: those of `_OPTIONS`, with strings that are compared as a whole as origins.
        names: the library's name of each option, and of the one for regexes as ``regexes``.
    """
    credentials = bool(options["allow_credentials"])
    kept: dict[str, Any] = {"allow_credentials": credentials}
    subject = Subject(
        "", options=kept, credentials=credentials, labels={**names}, harmless=HARMLESS
    )
    lists = {name: options[name] for name in _OPTIONS[:3]}
    # A string is kept, so that `judge` reports it.
    lists = {name: it if isinstance(it, str) else [*it] for name, it in lists.items()}
    kept |= {name: it for name, it in lists.items() if isinstance(it, str) or "*" not in it}
    if "allow_origins" in kept:
        read_exact(kept["allow_origins"], subject, dialect)
        read_regexes([*regexes], names.get("regexes", "regexes"), subject, how)
    else:
        kept["allow_origins"] = ["*"]
    return _rule(subject, paths)


def _starlette(options: Mapping[str, Any], *regexes: Any) -> Rule:
    return _foreign(options, filter(None, regexes), {"regexes": "allow_origin_regex"}, _STARLETTE)


def _litestar(config: Any) -> Rule:
    options = {name: getattr(config, name) for name in _OPTIONS}
    globs = [origin for origin in config.allow_origins if origin != "*" and "*" in origin]
    options["allow_origins"] = [it for it in config.allow_origins if it not in globs]
    regexes = [re.compile(".*".join(map(re.escape, glob.split("*")))) for glob in globs]
    return _starlette(options, config.allow_origin_regex, *regexes)


def _django(settings: Any, own: bool) -> Rule:
    found = {name: getattr(settings, name) for name in dir(settings) if name.startswith("CORS_")}
    return _rule(read_found(found, "", "fullmatch" if own else "match"))


# -- Flask -----------------------------------------------------------------------------------


# flask-cors reads a string with one of these as a regex.
_REGEX_CHARACTERS = frozenset("*\\]?$^[()")


def flask_layer(app: Any) -> Layer | None:
    """Return the layer of flask-cors, or of its replacement, for a whole application."""
    rules: list[Rule] = []
    cross_site = "allow"
    for function in app.after_request_funcs.get(None, ()):
        if function.__module__.startswith("flask_cors"):
            for pattern, options in held(function).get("resources", ()):
                given = options if isinstance(options, dict) else vars(options)
                rules.append(_flask(pattern, given, "match"))
    for holder in (app.process_response, *app.after_request_funcs.get(None, ())):
        for paths in _paths_in(holder):
            found: list[tuple[Any, Any]] = [("/*", paths.everywhere)] if paths.everywhere else []
            found += [*paths._literal.items()]
            found += [(match.__self__, rule) for match, rule in paths._regexes]
            rules += [_flask(pattern, rule.options, "fullmatch") for pattern, rule in found]
            words = {rule.options["cross_site"] for _, rule in found}
            cross_site = max(words, default="allow", key=("allow", "report", "refuse").index)
    return Layer("CORS", app, rules=rules, cross_site=cross_site) if rules else None


def _paths_in(function: Any) -> Iterator[Any]:
    """Yield the `Paths` of the functions of corsfast that a function is made of."""
    if not getattr(function, "__module__", "").startswith("corsfast."):
        return
    for variable in held(function).values():
        value = getattr(variable, "__self__", variable)
        if is_a(value, "corsfast", "Paths"):
            yield value
            return
        yield from _paths_in(value)


def _flask(pattern: Any, given: Mapping[str, Any], how: str) -> Rule:
    path = getattr(pattern, "pattern", pattern)
    everywhere = path in ("/*", "/.*", ".*")
    where = "" if everywhere else f"resources[{path!r}]."
    names = {
        "allow_origins": f"{where}origins",
        "regexes": f"{where}origins",
        "allow_methods": f"{where}methods",
        "allow_headers": f"{where}allow_headers",
        "allow_credentials": f"{where}supports_credentials",
    }
    exact, regexes = [], []
    for origin in _each(given["origins"]):
        text = getattr(origin, "pattern", origin)
        if text in ("*", ".*"):
            exact.append("*")
        elif _is_regex(origin):
            regexes.append(re.compile(text, getattr(origin, "flags", 0) | re.IGNORECASE))
        else:
            exact.append(origin)
    headers = [getattr(name, "pattern", name) for name in _each(given["allow_headers"])]
    options = {
        "allow_origins": exact,
        "allow_methods": [
            method.strip().upper() for it in _each(given["methods"]) for method in it.split(",")
        ],
        # A regex of header names is not an option of `Policy`.
        "allow_headers": ["*"] if any(set(name) & set("*.?^$") for name in headers) else headers,
        "allow_credentials": given["supports_credentials"],
    }
    paths = None
    if not everywhere:
        paths = re.compile(path if _is_regex(pattern) else rf"{re.escape(path)}\Z")
    return _foreign(options, regexes, names, Dialect('"*"', "{}", re.IGNORECASE), how, paths)


def _is_regex(value: Any) -> bool:
    return isinstance(value, re.Pattern) or not _REGEX_CHARACTERS.isdisjoint(value)


def _each(value: Any) -> list[Any]:
    if value is None:
        return []
    return [value] if isinstance(value, (str, re.Pattern)) else [*value]


# -- aiohttp ---------------------------------------------------------------------------------


def aiohttp_layer(app: Any) -> Layer | None:
    """Return the layer of aiohttp-cors, or of its replacement, with a rule for each origin."""
    rules = []
    cross_site = "allow"
    for value in app.values():
        if is_a(value, "aiohttp_cors", "CorsConfig"):
            adapter = value._cors_impl._router_adapter
            configs = [adapter._default_config]
            for resource in adapter._resource_config.values():
                configs += [resource.default_config, *resource.method_config.values()]
        elif is_a(value, "corsfast", "CorsConfig"):
            configs, cross_site = [value.defaults], value._cross_site
            for added in value._added.values():
                configs += [added.config, *added.by_method.values()]
        else:
            continue
        seen = {
            (origin, options.allow_credentials)
            for config in configs
            for origin, options in (config or {}).items()
        }
        for origin, credentials in sorted(seen):
            given = {"allow_origins": [origin], "allow_credentials": credentials}
            given |= {"allow_methods": ["*"], "allow_headers": ["*"]}
            rules.append(_foreign(given, [], {"allow_origins": "origin"}, Dialect('"*"', None)))
    return Layer("aiohttp_cors", app, rules=rules, cross_site=cross_site) if rules else None
