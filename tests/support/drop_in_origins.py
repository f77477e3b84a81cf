"""Every way to pass a list of origins to corsfast, and to feed a proposed fix back in.

    problems, allows = SURFACES["starlette"](["http://localhost*"], credentials=True)

Each surface is strict, so that all problems are in one `PolicyError`. A proposal is written in the
words of its surface; `taken` turns it into options.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from support.drop_ins.django import configure as configure_django

from corsfast import Policy, PolicyError, Problem, within

Made = tuple[tuple[Any, ...], Callable[[str], bool] | None]
Regexes = list[Any]


def _made(make: Callable[[], Callable[[str], bool]]) -> Made:
    """Return the problems, or a function that tells which origins the surface allows."""
    try:
        return (), make()
    except PolicyError as error:
        return error.problems, None
    except (ValueError, re.error) as error:  # an invalid regex, where a regex is required
        hint = re.search("; write (.*) instead$", str(error))
        return (Problem("regex", "origins", None, str(error), hint=hint and hint[1]),), None


async def _application(scope: Any, receive: Any, send: Any) -> None:
    raise NotImplementedError


def policy(origins: list[Any], regexes: Regexes, credentials: bool) -> Made:
    entries = [*origins, *regexes]
    return _made(lambda: Policy(allow_origins=entries, allow_credentials=credentials).allows_origin)


def starlette(origins: list[Any], regexes: Regexes, credentials: bool) -> Made:
    from corsfast.middleware.starlette import CORSMiddleware

    def make() -> Any:
        made = CORSMiddleware(
            _application,
            allow_origins=origins,
            allow_origin_regex=regexes[0] if regexes else None,
            allow_credentials=credentials,
            strict=True,
        )
        return made.policy.allows_origin

    return _made(make)


def litestar(origins: list[Any], regexes: Regexes, credentials: bool) -> Made:
    from litestar.config.cors import CORSConfig

    from corsfast.middleware.litestar import CORSMiddleware

    def make() -> Any:
        config = CORSConfig(
            allow_origins=origins,
            allow_origin_regex=regexes[0] if regexes else None,
            allow_credentials=credentials,
        )
        return CORSMiddleware(_application, config, strict=True).policy.allows_origin

    return _made(make)


def flask(origins: list[Any], regexes: Regexes, credentials: bool) -> Made:
    from corsfast.middleware.flask.rules import Rules, merged

    options = {"origins": [*origins, *regexes], "supports_credentials": credentials}
    return _made(lambda: Rules(merged({}, {**options, "strict": True})).policy.allows_origin)


def quart(origins: list[Any], regexes: Regexes, credentials: bool) -> Made:
    from corsfast.middleware.quart.rules import Rules, merged

    options = {"allow_origin": [*origins, *regexes], "allow_credentials": credentials}
    return _made(lambda: Rules(merged({}, {**options, "strict": True})).policy.allows_origin)


def sanic(origins: list[Any], regexes: Regexes, credentials: bool) -> Made:
    from corsfast.middleware.sanic.settings import compile_settings, settings_of

    config = {"CORS_ORIGINS": [*origins, *regexes], "CORS_SUPPORTS_CREDENTIALS": credentials}
    return _made(lambda: compile_settings(settings_of(config, {}), "CORS_ORIGINS", True).allows)


def django(origins: list[Any], regexes: Regexes, credentials: bool) -> Made:
    from django.test.utils import override_settings

    configure_django()
    from corsfast.middleware.django.conf import policy_for, read_allowed_origins

    def make() -> Any:
        with override_settings(CORS_ALLOWED_ORIGINS=origins, CORS_ALLOWED_ORIGIN_REGEXES=regexes):
            return policy_for(read_allowed_origins(), credentials, True)[0].allows_origin

    return _made(make)


def falcon(origins: list[Any], regexes: Regexes, credentials: bool) -> Made:
    from corsfast.middleware.falcon import CORSMiddleware

    assert not regexes

    def make() -> Any:
        trusted = origins if credentials else None
        made = CORSMiddleware(origins, allow_credentials=trusted, strict=True)
        return made._trusts if credentials else made._allows

    return _made(make)


def aiohttp(origins: list[Any], regexes: Regexes, credentials: bool) -> Made:
    from corsfast.middleware.aiohttp import ResourceOptions
    from corsfast.middleware.aiohttp.options import Judge, parse_config

    assert not regexes
    options = ResourceOptions(allow_credentials=credentials)

    def make() -> Any:
        Judge(True).judge(parse_config(dict.fromkeys(origins, options)))
        return origins.__contains__

    return _made(make)


def blacksheep(origins: list[Any], regexes: Regexes, credentials: bool) -> Made:
    from blacksheep.server.cors import CORSPolicy

    from corsfast.middleware.blacksheep.answers import CompiledPolicy

    assert not regexes
    theirs = CORSPolicy(allow_origins=origins, allow_credentials=credentials)
    scope = {"type": "http", "method": "GET"}

    def make() -> Any:
        decide = CompiledPolicy(theirs, True).decide
        return lambda origin: decide({**scope, "headers": [(b"origin", origin.encode())]}).allowed

    return _made(make)


SURFACES: dict[str, Callable[[list[Any], Regexes, bool], Made]] = {
    "policy": policy,
    "starlette": starlette,
    "litestar": litestar,
    "flask": flask,
    "quart": quart,
    "sanic": sanic,
    "django": django,
    "falcon": falcon,
    "aiohttp": aiohttp,
    "blacksheep": blacksheep,
}
# The originals of these do not support regexes.
WITHOUT_REGEXES = ("falcon", "aiohttp", "blacksheep")


def taken(hint: str) -> tuple[list[Any], Regexes] | None:
    """Return the origins and regexes that a proposal describes, or ``None`` if it is prose."""
    text = re.sub(r"(r'[^']*'|r\"[^\"]*\") in CORS_ALLOWED_ORIGIN_REGEXES", r"regex(\1)", hint)
    text = re.sub(r"allow_origin_regex=(.*)$", r"regex(\1)", text)
    text = re.sub(r"(?<=') in (CORS_ALLOWED_ORIGINS|allow_origins)(?=,|$)", "", text)
    regexes: Regexes = []
    names = {"re": re, "within": within, "regex": regexes.append}
    try:
        values = eval(f"[{text}]", names)
    except (SyntaxError, NameError):
        return None
    values = values[0] if hint.startswith("[") else values
    return [value for value in values if value is not None], regexes
