"""Each surface accepts the proposals it makes for wrong origins, and they match the intended ones.

The entries are in support/wrong_entries.py. The surfaces are `Policy` and all drop-ins, each with
its own words for a regex. `check` reads the same entries from a file.
The tests are marked `server` because they need the frameworks.
"""

from __future__ import annotations

import enum
import ipaddress
import json
import pathlib
import re
import tomllib
import warnings
from typing import Any
from urllib.parse import urlsplit

import pytest
from support.drop_in_origins import SURFACES, WITHOUT_REGEXES, taken
from support.wrong_entries import MEANT, MEANT_WITHOUT_CREDENTIALS, NETWORKS_MEANT

from corsfast import Policy
from corsfast.__main__ import main
from corsfast._proofs.suggest import ONE_BY_ONE

pytestmark = pytest.mark.server

POLICY = Policy(allow_origins=["https://app.example.com"])
# Patterns of `Policy`, which no original supports.
PATTERNS = [
    ("https://*.example.com", ["https://a.example.com"]),
    ("https://pr-*.example.com", ["https://pr-7.example.com"]),
    ("http://localhost:*", ["http://localhost:3000"]),
    ("http://localhost:[3000,8000-8099]", ["http://localhost:3000", "http://localhost:8050"]),
]
# Django compares the scheme and host of an entry, and ignores the rest.
CUT = ("http://localhost:300?", "http://localhost:30??")


@pytest.mark.parametrize("credentials", [False, True], ids=["", "credentials"])
@pytest.mark.parametrize("surface", SURFACES)
def test_suggestions_match_the_intended_origins(surface: str, credentials: bool) -> None:
    ask = SURFACES[surface]
    wrong = []
    networks = [] if credentials else NETWORKS_MEANT
    for entry, origins in [*MEANT, *PATTERNS, *networks]:
        problems, allows = ask([entry], [], credentials)
        if surface == "django" and entry in CUT:
            continue
        for problem in problems:
            options = taken(problem.hint or "nothing")
            if options is None and surface in WITHOUT_REGEXES and problem.hint == ONE_BY_ONE:
                continue
            found, allows = ask(*options, credentials) if options else ((problem,), None)
            if found:
                wrong.append((entry, problem.hint, [(p.code, p.hint) for p in found]))
        if allows is not None:
            wrong += [(entry, origin) for origin in origins if not allows(origin)]
    assert wrong == []


@pytest.mark.parametrize("surface", SURFACES)
def test_nothing_is_proposed_where_https_cannot_be(surface: str) -> None:
    for entry, origins in MEANT_WITHOUT_CREDENTIALS:
        if surface == "flask" and "[" in entry:
            continue  # a regex there
        for problem in SURFACES[surface](origins, [], True)[0]:
            assert (problem.code, problem.hint) == ("insecure-origin", None), entry


@pytest.mark.parametrize("credentials", [False, True], ids=["", "credentials"])
def test_check_proposes_the_same(
    tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str], credentials: bool
) -> None:
    path = tmp_path / "policy.toml"
    for entry, origins in MEANT[:: 1 + credentials]:
        options = {"allow_origins": [entry], "allow_credentials": credentials}
        path.write_text("\n".join(f"{k} = {json.dumps(v)}" for k, v in options.items()))
        main(["check", str(path), "--json"])
        for problem in json.loads(capsys.readouterr().out)["problems"]:
            (values,) = tomllib.loads(f"x = [{problem['write']}]").values()
            entries = [re.compile(v["regex"]) if isinstance(v, dict) else v for v in values]
            policy = Policy(allow_origins=entries, allow_credentials=credentials)
            assert [o for o in origins if not policy.allows_origin(o)] == [], problem


@pytest.mark.parametrize("how", ["fullmatch", "match", "search"])
@pytest.mark.parametrize(
    ("text", "origin"),
    [
        ("http://localhost:*", "http://localhost:3000"),
        ("https://*.example.com", "https://app.example.com"),
        ("https?://localhost:*", "https://localhost:3000"),
        ("http(s)://localhost:3000", "http://localhost:3000"),
    ],
)
def test_check_reads_a_glob_of_other_software(
    capsys: pytest.CaptureFixture[str], text: str, origin: str, how: str
) -> None:
    main(["check", "--json", "--matched-with", how, "--regex", text])
    report = json.loads(capsys.readouterr().out)
    found = [*report["problems"], *report["warnings"]]
    assert found
    for problem in found:
        regex = re.compile(problem["write"])
        assert getattr(regex, how)(origin), problem
        assert not getattr(regex, how)(f"{origin}.attacker.example:80")
        main(["check", "--json", "--matched-with", how, "--regex", problem["write"]])
        again = json.loads(capsys.readouterr().out)
        assert again["problems"] == again["warnings"] == []


# -- regexes ---------------------------------------------------------------------------------

PLACES = {
    "policy": "re.compile(...)",
    "starlette": 'allow_origin_regex=r"..."',
    "litestar": 'allow_origin_regex=r"..."',
    "flask": None,  # a string with special characters is a regex
    "quart": "re.compile(...)",
    "sanic": "re.compile(...)",
    "django": 'r"..." in CORS_ALLOWED_ORIGIN_REGEXES',
    "falcon": "no option here takes one",
    "aiohttp": "no option here takes one",
    "blacksheep": "no option here takes one",
}


@pytest.mark.parametrize("text", [r"^https://[a-z]+\.example\.com$", r"^https://.+\.vercel\.app$"])
@pytest.mark.parametrize("surface", SURFACES)
def test_a_regex_as_text_learns_where_it_belongs(surface: str, text: str) -> None:
    problems, _ = SURFACES[surface]([text], [], False)
    place = PLACES[surface]
    assert all(place in problem.message for problem in problems if place)
    if "vercel" in text:
        assert all("each name that is yours" in (problem.hint or "") for problem in problems)
    elif place and surface not in WITHOUT_REGEXES:
        (problem,) = problems
        options = taken(problem.hint or "")
        assert options is not None
        found, allows = SURFACES[surface](*options, False)
        assert found == ()
        assert allows is not None
        assert allows("https://app.example.com")


@pytest.mark.parametrize("surface", [name for name in SURFACES if name not in WITHOUT_REGEXES])
@pytest.mark.parametrize(
    ("text", "origin"),
    [
        ("http://localhost:*", "http://localhost:3000"),
        ("https?://localhost:*", "https://localhost:3000"),
        ("http://localhost*", "http://localhost:3000"),
        ("http://127.0.0.1:*", "http://127.0.0.1:3000"),
        ("https://*.example.com", "https://app.example.com"),
        ("http://localhost:300?", "http://localhost:3009"),
        ("*.example.com", "https://app.example.com"),
        ("*://localhost:3000", "http://localhost:3000"),
        (r"https://app\.example\.com/|http://localhost:3000", "https://app.example.com"),
        (r"https://app\.example\.com/|https?://.*\.test", "https://app.example.com"),
    ],
)
def test_a_glob_as_regex_is_not_silent(surface: str, text: str, origin: str) -> None:
    compiled = surface in ("policy", "quart", "sanic")
    if text.startswith("*") and compiled:
        return  # `re.compile` rejects it
    with warnings.catch_warnings(record=True, action="always") as caught:
        problems, _ = SURFACES[surface]([], [re.compile(text) if compiled else text], False)
    said = [str(problem) for problem in problems] + [str(w.message) for w in caught]
    hint = re.search("Write (.*?) instead", said[0])
    options = taken(hint[1] if hint else "")
    assert options is not None
    found, allows = SURFACES[surface](*options, False)
    assert found == ()
    assert allows is not None
    assert allows(origin)


@pytest.mark.parametrize(
    "text",
    [
        r"https://.*\.example\.com", r"https?://localhost(:\d+)?", r"http://localhost:\d*",
        r"http://localhost:3\d", r"https://(www\.)?example\.com", r"http://localhost:300[0-9]?",
        r"https://[a-z0-9-]*\.example\.com", r"^https://app\.example\.com/?$",
        r"https://(?:a|b)\.example\.com", r"https?:\/\/localhost:[0-9]{4}",
    ],
)  # fmt: skip
def test_a_regex_is_not_taken_for_a_glob(text: str) -> None:
    for surface in ("policy", "flask", "quart", "sanic"):
        assert SURFACES[surface]([], [re.compile(text)], False)[0] == ()
    for surface in ("starlette", "litestar", "django"):
        assert SURFACES[surface]([], [text], False)[0] == ()


# -- other types -----------------------------------------------------------------------------


class _Lazy:
    """A class like Django's lazy strings."""

    def __str__(self) -> str:
        return "https://app.example.com"


class _Origin(enum.Enum):
    APP = "https://app.example.com"


def _objects() -> dict[str, Any]:
    import httpx
    import pydantic
    import yarl

    return {
        "AnyHttpUrl": pydantic.AnyHttpUrl("https://app.example.com"),
        "HttpUrl": pydantic.HttpUrl("https://app.example.com"),
        "AnyUrl": pydantic.AnyUrl("https://app.example.com/"),
        "pydantic with a path": pydantic.AnyHttpUrl("https://app.example.com/api"),
        "yarl": yarl.URL("https://app.example.com/"),
        "httpx": httpx.URL("https://app.example.com"),
        "urlsplit": urlsplit("https://app.example.com/"),
        "enum": _Origin.APP,
        "lazy": _Lazy(),
        "path": pathlib.PurePosixPath("https://app.example.com"),
        "bytes": b"https://app.example.com",
        "bytearray": bytearray(b"https://app.example.com"),
        "list": ["https://app.example.com"],
    }


# Lists cannot be elements of a set, or keys.
HASHED = ("falcon", "aiohttp", "blacksheep", "quart", "django")


@pytest.mark.parametrize("surface", [name for name in SURFACES if name != "blacksheep"])
def test_objects_that_show_an_origin_are_proposed_as_text(surface: str) -> None:
    """BlackSheep's own class rejects them with a TypeError before corsfast sees them."""
    for name, value in _objects().items():
        if name in ("list", "bytearray") and surface in HASHED:
            continue
        said = []
        try:
            problems, allows = SURFACES[surface]([value], [], True)
        except TypeError as error:
            said = [str(error)]
        else:
            said = [f"{problem}; write {problem.hint}" for problem in problems]
            if allows is not None:  # converted to text there
                assert surface == "flask"
                assert allows("https://app.example.com"), name
                continue
        assert len(said) == 1
        assert "write 'https://app.example.com'" in said[0], name


@pytest.mark.parametrize(
    ("value", "said"),
    [("AnyHttpUrl", "use str(url).rstrip('/')"), ("urlsplit", "use its .geturl()"),
     ("enum", "use its .value")],
)  # fmt: skip
def test_a_url_object_learns_how_to_be_text(value: str, said: str) -> None:
    for surface in ("policy", "starlette", "quart"):
        ((problem,), _) = SURFACES[surface]([_objects()[value]], [], False)
        assert said in problem.message


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        (ipaddress.ip_address("127.0.0.1"), "'http://127.0.0.1'"),
        (ipaddress.ip_address("::1"), "'http://[::1]'"),
        (5, None),
        (None, None),
        (object(), None),
        ({}, None),
        (["https://a.example.com", "https://b.example.com"],
         "'https://a.example.com', 'https://b.example.com'"),
    ],
)  # fmt: skip
def test_other_types(engine: Any, value: Any, hint: str | None) -> None:
    with pytest.raises(ValueError, match="is of type") as refused:
        engine.Policy(allow_origins=[value])
    assert [problem.hint for problem in refused.value.problems] == [hint]


def test_a_url_object_in_the_place_of_the_list(engine: Any) -> None:
    for name in ("AnyHttpUrl", "urlsplit", "yarl", "lazy", "bytearray"):
        with pytest.raises(ValueError, match="is of type") as refused:
            engine.Policy(allow_origins=_objects()[name])
        hints = [problem.hint for problem in refused.value.problems]
        assert hints == ["['https://app.example.com']"], name


# -- no origin, and no application ------------------------------------------------------------


@pytest.mark.parametrize("surface", [s for s in SURFACES if s not in ("aiohttp", "blacksheep")])
def test_an_empty_list_is_not_silent(surface: str) -> None:
    """aiohttp-cors has no such list, and BlackSheep's class does not keep it."""
    with warnings.catch_warnings(record=True, action="always") as caught:
        problems, _ = SURFACES[surface]([], [], False)
    said = [str(problem) for problem in problems] + [str(w.message) for w in caught]
    assert len(said) == 1
    assert "an empty list allows no origin" in said[0]


def test_an_empty_list_next_to_a_regex_is_silent() -> None:
    for surface in ("starlette", "litestar", "django"):
        assert SURFACES[surface]([], [r"https://app\.example\.com"], False)[0] == ()


@pytest.mark.parametrize(
    ("app", "said"),
    [(None, "not NoneType; write CORSMiddleware(app, ...)"),
     (POLICY, "not Policy; the application comes first; write CORSMiddleware(app, policy)"),
     ("main:app", "not str; write the object that this names, not its name"),
     (["https://app.example.com"], "not list; write CORSMiddleware(app, ...)")],
    ids=["None", "policy", "text", "list"],
)  # fmt: skip
def test_other_objects_than_applications_are_rejected(app: Any, said: str) -> None:
    from litestar.config.cors import CORSConfig

    from corsfast.middleware import asgi, litestar, starlette, wsgi

    listed: dict[str, Any] = {"allow_origins": ["https://app.example.com"]}
    for make in (
        lambda: asgi.CORSMiddleware(app, **listed),
        lambda: wsgi.CORSMiddleware(app, **listed),
        lambda: starlette.CORSMiddleware(app, **listed),
        lambda: litestar.CORSMiddleware(app, CORSConfig(**listed)),
    ):
        with pytest.raises(TypeError, match=re.escape(said)):
            make()


def test_a_list_in_the_place_of_a_policy_is_refused() -> None:
    from corsfast.middleware import asgi, wsgi

    for module in (asgi, wsgi):
        for value in (["https://app.example.com"], "*", {"allow_origins": "*"}):
            with pytest.raises(TypeError, match=r"CORSMiddleware\(app, allow_origins=\[...\]\)"):
                module.CORSMiddleware(print, value)
        with pytest.raises(TypeError, match="not both; write allow_origins into"):
            module.CORSMiddleware(print, POLICY, allow_origins="*")
        with pytest.raises(TypeError, match="missing 1 required positional argument: 'app'"):
            module.CORSMiddleware(allow_origins="*")
