"""`corsfast import`: every format, what is not static, and hostile files."""

from __future__ import annotations

import json
import re
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from corsfast import Policy
from corsfast.__main__ import main
from corsfast._cli.imports import reading, yaml_lines
from corsfast._cli.imports.command import _table
from corsfast._cli.imports.reading import Reading
from corsfast._loading.written import Written, read_options

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.server  # needs PyYAML and crossplane

A, B, EVIL = "https://a.example", "https://b.example", "https://evil.example"


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")


def imported(
    capsys: pytest.CaptureFixture[str], source: str, text: str, status: int = 0
) -> dict[str, Any]:
    """Import a text; return the JSON output, after a check that the TOML says the same."""
    Path("given").write_text(text)
    assert main(["import", "--from", source, "given", "--json"]) == status
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert main(["import", "--from", source, "given"]) == status
    tree = tomllib.loads(capsys.readouterr().out)
    policies = found["policies"]
    tables = [tree] if len(policies) == 1 else list(tree.values())
    for table, policy in zip(tables, policies, strict=True):
        written = {name: None if value == "none" else value for name, value in table.items()}
        assert written == policy["options"]
    return found


def only(
    capsys: pytest.CaptureFixture[str], source: str, text: str, status: int = 0
) -> dict[str, Any]:
    """Return the options of the only policy."""
    (policy,) = imported(capsys, source, text, status)["policies"]
    options: dict[str, Any] = policy["options"]
    return options


def test_reads_standard_input(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("given").write_text("server { location / { return 200; } }")
    with Path("given").open() as file:
        monkeypatch.setattr("sys.stdin", file)
        assert main(["import", "--from", "nginx", "-"]) == 2
    assert "<stdin>: no CORS policy of nginx was found" in capsys.readouterr().err


def policy_of(options: dict[str, Any]) -> Policy:
    return Policy(**read_options(options, Written("")).options)  # type: ignore[arg-type]


def codes(found: dict[str, Any]) -> list[str]:
    return [each["code"] for policy in found["policies"] for each in policy["check"]["problems"]]


# -- ingress-nginx ---------------------------------------------------------------------------


def ingress(name: str = "api", **annotations: str) -> str:
    lines = [
        f"    nginx.ingress.kubernetes.io/{key.replace('_', '-')}: {json.dumps(value)}\n"
        for key, value in ({"enable_cors": "true"} | annotations).items()
    ]
    head = f"apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata:\n  name: {name}\n"
    return f"---\n{head}  annotations:\n{''.join(lines)}"


def test_ingress_defaults_are_a_risk(capsys: pytest.CaptureFixture[str]) -> None:
    found = imported(capsys, "ingress-nginx", ingress(), 1)
    (policy,) = found["policies"]
    assert policy["options"] == {
        "allow_origins": ["*"],
        "allow_methods": ["GET", "PUT", "POST", "DELETE", "PATCH", "OPTIONS"],
        "allow_headers": [
            "User-Agent",
            "X-Requested-With",
            "If-Modified-Since",
            "Cache-Control",
            "Content-Type",
            "Range",
            "Authorization",
        ],
        "allow_credentials": True,
        "max_age": 86400,
    }
    (problem,) = policy["check"]["problems"]
    assert problem["code"] == "any-origin-with-credentials"
    assert problem["write"] == "the origins that need credentials, one by one"
    assert problem["place"].startswith("given:7: the default of cors-allow-origin")
    assert [each["entry"] for each in policy["check"]["warnings"]] == ["DNT", "Keep-Alive"]
    assert "1728000 seconds are written as 86400" in found["notes"][0]


def test_ingress_with_every_annotation(capsys: pytest.CaptureFixture[str]) -> None:
    text = ingress(
        cors_allow_origin=f"{A}, https://*.Example.com:8443",
        cors_allow_methods="PUT, GET",
        cors_allow_headers="X-One, x-two",
        cors_expose_headers="X-Three",
        cors_allow_credentials="false",
        cors_max_age="60",
    )
    options = only(capsys, "ingress-nginx", text)
    assert options == {
        "allow_origins": [A, {"regex": r"https://[a-z0-9-]+\.example\.com:8443"}],
        "allow_methods": ["PUT", "GET"],
        "allow_headers": ["X-One", "x-two"],
        "expose_headers": ["X-Three"],
        "max_age": 60,
    }
    policy = policy_of(options)
    assert policy.allows_origin("https://x.example.com:8443")
    assert not policy.allows_origin("https://x.y.example.com:8443"), "a star is one label"
    assert not policy.allows_origin("https://x.example.com")


@pytest.mark.parametrize(
    ("annotation", "value", "default"),
    [
        ("cors_allow_origin", f"{A};{B}", "*"),
        ("cors_allow_origin", "", "*"),
        ("cors_allow_headers", "*", "DNT,Keep-Alive"),
        ("cors_allow_methods", "*", "GET, PUT"),
        ("cors_expose_headers", "X-A: b", ""),
        ("cors_max_age", "1h", "1728000"),
        ("cors_allow_credentials", "no", "true"),
    ],
)
def test_ingress_default_for_a_wrong_value(
    capsys: pytest.CaptureFixture[str], annotation: str, value: str, default: str
) -> None:
    found = imported(capsys, "ingress-nginx", ingress(**{annotation: value}), 1)
    (reason,) = found["unread"]
    assert reason.startswith(f"given:8: {annotation.replace('_', '-')}: {value!r} is not valid")
    assert f"ingress-nginx uses '{default}" in reason


def test_ingress_skips_a_single_wrong_origin(capsys: pytest.CaptureFixture[str]) -> None:
    found = imported(capsys, "ingress-nginx", ingress(cors_allow_origin=f"a.example,{A}"), 1)
    assert found["policies"][0]["options"]["allow_origins"] == [A]
    assert found["unread"] == [
        "given:8: cors-allow-origin: 'a.example' is not valid, so it allows no origin"
    ]


def test_ingress_snippets_are_not_read(capsys: pytest.CaptureFixture[str]) -> None:
    text = ingress(
        cors_allow_origin=A,
        configuration_snippet='add_header "Access-Control-Allow-Origin" "*";',
    )
    (reason,) = imported(capsys, "ingress-nginx", text, 1)["unread"]
    assert reason == "given:9: nginx.ingress.kubernetes.io/configuration-snippet is not read"


def test_ingresses_become_tables(capsys: pytest.CaptureFixture[str]) -> None:
    text = "".join(
        ingress(name, cors_allow_origin=origin)
        for name, origin in (("a", A), ("b.c", B), ("again", A), ("b-c", f"{A},{B}"))
    )
    Path("given").write_text(text + ingress("off", enable_cors="false"))
    assert main(["import", "--from", "ingress-nginx", "given"]) == 0
    printed = capsys.readouterr().out
    assert list(tomllib.loads(printed)) == ["a", "b-c", "b-c-2"]
    assert "# corsfast check: a, again\n" in printed
    Path("policy.toml").write_text(printed)
    assert main(["check", "policy.toml", "--table", "b-c"]) == 0


def test_ingresses_of_a_list(capsys: pytest.CaptureFixture[str]) -> None:
    text = "kind: List\nitems:\n- kind: Ingress\n  metadata:\n    annotations:\n"
    text += "      nginx.ingress.kubernetes.io/enable-cors: 'true'\n"
    assert codes(imported(capsys, "ingress-nginx", text, 1)) == ["any-origin-with-credentials"]


def test_a_long_wrong_annotation_is_read_fast(capsys: pytest.CaptureFixture[str]) -> None:
    text = ingress(
        cors_allow_origin=":1" * 5000 + ";",
        cors_allow_methods="A" * 5000 + ";",
        cors_expose_headers="A" * 5000 + ";",
    )
    assert len(imported(capsys, "ingress-nginx", text, 1)["unread"]) == 3


# -- Gateway API -----------------------------------------------------------------------------


def route(**cors: object) -> str:
    filters = [{"type": "CORS", "cors": cors}]
    return json.dumps(
        {
            "kind": "HTTPRoute",
            "metadata": {"name": "api"},
            "spec": {"rules": [{"filters": filters}]},
        }
    )


def test_a_route_with_every_field(capsys: pytest.CaptureFixture[str]) -> None:
    options = only(
        capsys,
        "gateway-api",
        route(
            allowOrigins=[A, "https://*.bar.example", "http://c.example:80"],
            allowMethods=["PUT"],
            allowHeaders=["x-a"],
            exposeHeaders=["x-b"],
            allowCredentials=False,
            maxAge=3600,
        ),
    )
    assert options == {
        "allow_origins": [A, "https://*.bar.example", "http://c.example"],
        "allow_methods": ["PUT"],
        "allow_headers": ["x-a"],
        "expose_headers": ["x-b"],
        "max_age": 3600,
    }


def test_a_route_without_an_age_has_five_seconds(capsys: pytest.CaptureFixture[str]) -> None:
    assert only(capsys, "gateway-api", route(allowOrigins=[A]))["max_age"] == 5


def test_a_star_as_host_is_every_host(capsys: pytest.CaptureFixture[str]) -> None:
    found = imported(capsys, "gateway-api", route(allowOrigins=["https://*"]), 1)
    assert codes(found) == ["foreign-origin"]
    assert found["policies"][0]["options"]["allow_origins"] == [{"regex": "https://[^:]+"}]
    found = imported(capsys, "gateway-api", route(allowOrigins=["https://*:8443"]), 1)
    assert found["policies"][0]["options"]["allow_origins"] == [{"regex": "https://.+:8443"}]


def test_an_echo_of_headers_has_authorization(capsys: pytest.CaptureFixture[str]) -> None:
    given = {"allowOrigins": [A], "allowHeaders": ["*"]}
    assert only(capsys, "gateway-api", route(**given))["allow_headers"] == ["*"]
    echoed = only(capsys, "gateway-api", route(**given, allowCredentials=True))
    assert echoed["allow_headers"] == ["*", "Authorization"]


def test_an_unknown_field_of_a_route(capsys: pytest.CaptureFixture[str]) -> None:
    text = "kind: HTTPRoute\nspec:\n  rules:\n  - filters:\n    - type: CORS\n      cors:\n"
    text += f"        allowOrigins: [{A}]\n        maxAge: soon\n        more: 1\n"
    found = imported(capsys, "gateway-api", text, 1)
    assert found["unread"] == [
        "given:8: maxAge: 'soon' is not read",
        "given:9: more: 1 is not read",
    ]


# -- Envoy -----------------------------------------------------------------------------------


def envoy(host: dict[str, object], route: dict[str, object] | None = None) -> str:
    def level(name: str, policy: dict[str, object]) -> dict[str, object]:
        kind = "type.googleapis.com/envoy.extensions.filters.http.cors.v3.CorsPolicy"
        return {
            "name": name,
            "typed_per_filter_config": {"envoy.filters.http.cors": {"@type": kind} | policy},
        }

    routes = [] if route is None else [level("route", route)]
    return json.dumps({"virtual_hosts": [level("host", host) | {"routes": routes}]}, indent=1)


def matching(*matchers: dict[str, object]) -> dict[str, object]:
    return {"allow_origin_string_match": list(matchers)}


def test_every_matcher_of_envoy(capsys: pytest.CaptureFixture[str]) -> None:
    options = only(
        capsys,
        "envoy",
        envoy(
            matching(
                {"exact": A},
                {"exact": "https://B.example", "ignore_case": True},
                {"prefix": "https://x.c.example:"},
                {"suffix": "//y.example"},
                {"contains": "://z.example:8"},
                {"safeRegex": {"regex": r"https://pr-[[:digit:]]+\.d\.example\z"}},
            )
            | {"allow_methods": "PUT,DELETE", "allow_headers": "x-a, x-b", "max_age": "9"}
        ),
    )
    assert options == {
        "allow_origins": [
            A,
            B,
            {"regex": r"https://x\.c\.example:.*"},
            {"regex": r".*//y\.example"},
            {"regex": r".*://z\.example:8.*"},
            {"regex": r"https://pr-[0-9]+\.d\.example\Z"},
        ],
        "allow_methods": ["PUT", "DELETE"],
        "allow_headers": ["x-a", "x-b"],
        "max_age": 9,
    }


def test_a_suffix_with_credentials_is_a_risk(capsys: pytest.CaptureFixture[str]) -> None:
    policy = matching({"suffix": "example.com"}) | {"allow_credentials": True}
    found = imported(capsys, "envoy", envoy(policy), 1)
    assert codes(found) == ["foreign-origin", "insecure-origin"]
    (finding, _) = found["policies"][0]["check"]["problems"]
    assert finding["place"] == "given:9: allow_origin_string_match: allow_origins"


@pytest.mark.parametrize(
    "matcher", [{"exact": "*"}, {"prefix": ""}, {"suffix": ""}, {"safe_regex": {"regex": "[^/]*"}}]
)
def test_what_matches_a_star_is_every_origin(
    capsys: pytest.CaptureFixture[str], matcher: dict[str, object]
) -> None:
    found = imported(capsys, "envoy", envoy(matching({"exact": A}, matcher)))
    assert found["policies"][0]["options"]["allow_origins"] == ["*"]
    assert len(found["notes"]) == (matcher != {"exact": "*"})


def test_a_route_of_envoy_inherits_fields(capsys: pytest.CaptureFixture[str]) -> None:
    text = envoy(matching({"exact": A}) | {"allow_methods": "PUT"}, matching({"exact": B}))
    host, each = imported(capsys, "envoy", text)["policies"]
    assert (host["names"], each["names"]) == (["host"], ["route"])
    assert each["options"] == host["options"] | {"allow_origins": [B]}


def test_fields_of_envoy_that_are_not_read(capsys: pytest.CaptureFixture[str]) -> None:
    policy = matching({"exact": A}, {"custom": {}}, {"safe_regex": {"regex": "("}})
    policy |= {"filter_enabled": {"default_value": {"numerator": 1}}}
    unread = imported(capsys, "envoy", envoy(policy), 1)["unread"]
    assert [each.partition(": ")[2] for each in unread] == [
        "allow_origin_string_match: custom is not read",
        (
            "allow_origin_string_match: '(' is not a valid regex: missing ), unterminated"
            " subpattern"
            " at position 0"
        ),
        "filter_enabled: it is not read",
    ]


# -- nginx -----------------------------------------------------------------------------------


def server(body: str, before: str = "") -> str:
    head = f"http {{\n{before}\nserver {{\nserver_name api.example;\nlocation / {{\n"
    return f"{head}{body}\n}}\n}}\n}}\n"


ADD = "add_header Access-Control-Allow-Origin"
ARGUMENTS = 'invalid number of arguments in "{}" directive'
UNTERMINATED = 'directive "{}" is not terminated by ";"'
MAP = "invalid number of the map parameters"


@pytest.mark.parametrize(
    ("body", "origins"),
    [
        (f"{ADD} '*' always;", ["*"]),
        (f"{ADD} $http_origin always;", ["*"]),
        (f"{ADD} {A} always;", [A]),
        (f'if ($http_origin = "{A}") {{ {ADD} $http_origin always; }}', [A]),
        (f"if ($http_origin = {A}) {{ set $o $http_origin; }} {ADD} $o always;", [A]),
        (
            (
                f"set $o ''; if ($http_origin ~ ^{A}$) {{ set $o y; }} if ($o = y)"
                f" {{ {ADD} $http_origin always; }}"
            ),
            [{"regex": A}],
        ),
        (
            f"if ($http_origin !~ ^{A}$) {{ return 403; }} {ADD} $http_origin always;",
            [{"regex": A}],
        ),
        (f"if ($http_origin != {A}) {{ break; }} {ADD} $http_origin always;", ["*"]),
        (f"set $yes 1; if ($yes) {{ {ADD} {A} always; }} {ADD} {B};", [A]),
        (f"if ($request_method ~* ^(get|options)$) {{ {ADD} {A} always; }}", [A]),
        (
            f"if ($http_origin ~* '(^{A}$|^{B}$)') {{ {ADD} $http_origin always; }}",
            [{"regex": f".*(^{A}$|^{B}$).*"}],
        ),
        (
            f"if ($http_origin ~* ^https://[A-Z]+[.]d$) {{ {ADD} $http_origin always; }}",
            [{"regex": "(?i)https://[A-Z]+[.]d"}],
        ),
    ],
)
def test_rules_of_nginx(
    capsys: pytest.CaptureFixture[str], body: str, origins: list[object]
) -> None:
    options = only(capsys, "nginx", server(body))
    assert options == {"allow_origins": origins, "max_age": None}


def test_a_map_of_nginx(capsys: pytest.CaptureFixture[str]) -> None:
    before = f"""
map $http_origin $allowed {{
    hostnames;
    default "";
    HTTPS://A.example $http_origin;
    {B} {B};
    https://c.example {EVIL};
    {EVIL} "";
    "~^https://pr-[0-9]{{1,5}}\\.d\\.example$" $http_origin;
}}
map $allowed $methods {{ default "GET, PUT"; "" ""; }}
map $request_method $age {{ options 60; default ""; }}
"""
    body = f"{ADD} $allowed always; add_header Access-Control-Allow-Methods $methods always;"
    body += "add_header Access-Control-Max-Age $age always;"
    assert only(capsys, "nginx", server(body, before)) == {
        "allow_origins": [A, B, {"regex": r"https://pr-[0-9]{1,5}\.d\.example"}],
        "allow_methods": ["GET", "PUT"],
        "max_age": 60,
    }


def test_a_location_replaces_the_headers_of_its_server(capsys: pytest.CaptureFixture[str]) -> None:
    text = f"""server {{
  {ADD} {A} always;
  location /inherits {{ root /; }}
  location /replaces {{ {ADD} {B} always; location /replaces/in {{ return 200; }} }}
  location = /none {{ add_header X-Other 1; }}
}}"""
    policies = imported(capsys, "nginx", text)["policies"]
    assert [(each["names"], each["options"]["allow_origins"]) for each in policies] == [
        (["server", "server /inherits"], [A]),
        (["server /replaces", "server /replaces /replaces/in"], [B]),
    ]


def test_preflights_of_nginx(capsys: pytest.CaptureFixture[str]) -> None:
    body = f"""
if ($request_method = OPTIONS) {{
    {ADD} {A} always;
    add_header Access-Control-Allow-Methods $http_access_control_request_method always;
    add_header Access-Control-Allow-Headers $http_access_control_request_headers always;
    add_header Access-Control-Allow-Credentials true always;
    add_header Access-Control-Max-Age 60 always;
    return 204;
}}
{ADD} {A};
add_header Access-Control-Allow-Credentials true always;
add_header Access-Control-Expose-Headers "X-A, X-B" always;
"""
    found = imported(capsys, "nginx", server(body))
    assert found["policies"][0]["options"] == {
        "allow_origins": [A],
        "allow_methods": ["*"],
        "allow_headers": ["*", "Authorization"],
        "expose_headers": ["X-A", "X-B"],
        "allow_credentials": True,
        "max_age": 60,
    }
    assert found["notes"] == [
        "given:15: Access-Control-Allow-Origin: without `always`, error responses lack the header"
    ]


ACAC = "add_header Access-Control-Allow-Credentials"
REFUSED = "so browsers refuse preflighted requests"


@pytest.mark.parametrize(
    ("preflight", "actual", "note"),
    [
        (
            f"{ADD} {A};",
            f"{ADD} {A} always; {ACAC} true;",
            (
                "8: Access-Control-Allow-Credentials: preflights"
                " lack Access-Control-Allow-Credentials,"
                f" {REFUSED} with credentials there; this policy allows them"
            ),
        ),
        (
            f"{ADD} *; {ACAC} true;",
            f"{ADD} {A} always; {ACAC} true;",
            (
                "8: Access-Control-Allow-Credentials: preflights"
                " have Access-Control-Allow-Origin: *,"
                f" {REFUSED} with credentials there; this policy allows them"
            ),
        ),
        (
            f"{ADD} {B};",
            f"{ADD} {A} always;",
            (
                "7: Access-Control-Allow-Origin: preflights"
                " have another Access-Control-Allow-Origin,"
                f" {REFUSED} there; this policy allows them"
            ),
        ),
        (
            "add_header Access-Control-Allow-Methods PUT;",
            f"{ADD} {A} always;",
            (
                "8: Access-Control-Allow-Origin: preflights lack Access-Control-Allow-Origin,"
                f" {REFUSED} there; this policy allows them"
            ),
        ),
        (
            f"{ADD} {A}; {ACAC} true;",
            f"{ADD} {A} always;",
            (
                "7: Access-Control-Allow-Credentials: only preflights have"
                " Access-Control-Allow-Credentials, so no page may read an answer with credentials;"
                " this policy refuses their preflights"
            ),
        ),
        (f"{ADD} $http_origin;", f"{ADD} {A} always;", None),
        (f"{ADD} *;", f"{ADD} {A} always;", None),
        (f"{ADD} $http_origin; {ACAC} true;", f"{ADD} {A} always; {ACAC} true;", None),
    ],
)
def test_preflights_that_differ_from_answers(
    capsys: pytest.CaptureFixture[str], preflight: str, actual: str, note: str | None
) -> None:
    body = f"if ($request_method = OPTIONS) {{\n{preflight} return 204; }}\n{actual}"
    found = imported(capsys, "nginx", server(body))
    notes = [each for each in found["notes"] if "without `always`" not in each]
    assert notes == ([] if note is None else [f"given:{note}"])


def test_preflights_for_the_only_origin_do_not_differ(capsys: pytest.CaptureFixture[str]) -> None:
    body = f"if ($request_method = OPTIONS) {{ {ADD} $o always; return 204; }} {ADD} {A} always;"
    text = server(body, f"map $http_origin $o {{ {A} {A}; }}")
    assert imported(capsys, "nginx", text)["notes"] == []


@pytest.mark.parametrize("headers", [f"{ADD} $x$arg_a;", f"{ADD} {A}; {ACAC} $arg_a;"])
def test_preflights_of_nginx_that_are_not_read(
    capsys: pytest.CaptureFixture[str], headers: str
) -> None:
    body = f"if ($request_method = OPTIONS) {{ {headers} return 204; }} {ADD} {A};"
    (unread,) = imported(capsys, "nginx", server(body), 1)["unread"]
    assert unread.endswith("the header of preflights depends on what is not read")


@pytest.mark.parametrize("kind", ["proxy", "fastcgi", "uwsgi", "scgi", "grpc"])
def test_hidden_headers_of_nginx_are_read(capsys: pytest.CaptureFixture[str], kind: str) -> None:
    body = f"{ADD} {A} always; {kind}_hide_header Access-Control-Allow-Origin;"
    assert imported(capsys, "nginx", server(body))["unread"] == []


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (f"{ADD} {A} always; {ADD} {B} always;", "is doubled"),
        (f"{ADD} {A} always; add_header Access-Control-Max-Age $x;", "depends on what is not read"),
        (f"{ADD} {A} always; add_header Access-Control-Max-Age 1h;", "not a number of seconds"),
        (f"{ADD} {A} always; more_set_headers 'Access-Control-Max-Age: 1';", "it is not read"),
        (f"{ADD} {A} always; if ($arg_x = 1) {{ {ADD} '*'; }}", "the condition depends on"),
        (f"{ADD} {A} always; if ($cookie_x) {{ {ADD} '*'; }}", "the condition depends on"),
        (
            f"{ADD} {A} always; set $x $arg_a$arg_b; if ($x) {{ {ADD} '*'; }}",
            "the condition depends on",
        ),
        (f"{ADD} {A} always; if ($http_origin ~ '(') {{ {ADD} '*'; }}", "not a valid regex"),
        (
            (
                f"if ($http_origin = {A}) {{ add_header Access-Control-Max-Age 1;"
                f" {ADD} {A} always; }}"
                f" if ($http_origin = {B}) {{ {ADD} {B} always; }}"
            ),
            "differs between origins",
        ),
        (f"{ADD} {A} always; include no-such-file;", "No such file"),
        (
            f"{ADD} {A} always; }} map $arg_x $o {{ default {B}; }} server {{ {ADD} $o;",
            "the origin d",
        ),
    ],
)
def test_what_nginx_has_that_is_not_static(
    capsys: pytest.CaptureFixture[str], body: str, reason: str
) -> None:
    found = imported(capsys, "nginx", server(body), 1)
    assert any(reason in each for each in found["unread"]), found["unread"]


def test_includes_of_nginx_are_followed(capsys: pytest.CaptureFixture[str]) -> None:
    Path("cors.conf").write_text(f"\n{ADD} http://A.example always;")
    found = imported(capsys, "nginx", server("include cors.conf;"), 1)
    assert codes(found) == ["upper-case"]
    place = found["policies"][0]["check"]["problems"][0]["place"]
    assert place.partition("cors.conf")[2] == ":2: Access-Control-Allow-Origin: allow_origins"
    assert found["policies"][0]["options"]["allow_origins"] == []


def test_the_place_after_an_include_of_nginx(capsys: pytest.CaptureFixture[str]) -> None:
    Path("other.conf").write_text("add_header X-Other 1;\n")
    found = imported(capsys, "nginx", server(f"include other.conf;\n{ADD} {A};"))
    assert found["notes"][0].startswith("given:7: Access-Control-Allow-Origin: without `always`")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (f"{ADD} {B}\nadd_header Access-Control-Max-Age 1;", ARGUMENTS.format("add_header")),
        (f"{ADD} {B} sometimes;", 'invalid parameter "sometimes"'),
        (f"location /a {{ {ADD} {B} }}", UNTERMINATED.format("add_header")),
        ("location { }", ARGUMENTS.format("location")),
        ("set $x;", ARGUMENTS.format("set")),
        ("break 1;", ARGUMENTS.format("break")),
        ("return;", ARGUMENTS.format("return")),
        ("root /srv\nset $x 1;", ARGUMENTS.format("root")),
        ("include other.conf\nset $x 1;", ARGUMENTS.format("include")),
        (f"root /srv\nif ($x) {{ {ADD} {B}; }}", UNTERMINATED.format("root")),
        (f"proxy_hide_header x\n{ADD} {B};", ARGUMENTS.format("proxy_hide_header")),
        (f"if $http_origin = {A} {{ return 403; }}", 'invalid condition "$http_origin"'),
        (f"if ($http_origin = {A} {{ return 403; }}", 'invalid condition "($http_origin"'),
        (f"if ($http_origin {A}) {{ return 403; }}", "the condition depends on what is not read"),
        (f"if ($http_origin = {B} x) {{ break; }}", "the condition depends on what is not read"),
        ("location /a { unknown x }", UNTERMINATED.format("unknown")),
        ("if () { return 403; }", "the condition depends on what is not read"),
        (f";{ADD} {B};", 'unexpected ";"'),
        (f"}} }} map $http_origin $o {{ {A} x\n{B} y; }} server {{ location / {{", MAP),
        ("} } map $http_origin $o { x; } server { location / {", MAP),
        ("} } map $http_origin $o; server { location / {", 'directive "map" has no opening "{"'),
        ("} server_name; location / {", ARGUMENTS.format("server_name")),
    ],
)
def test_a_directive_that_nginx_refuses(
    capsys: pytest.CaptureFixture[str], body: str, reason: str
) -> None:
    Path("other.conf").write_text("set $y 1;")
    found = imported(capsys, "nginx", server(f"{ADD} {A} always;\n{body}"), 1)
    assert found["unread"] == [f"given:7: {reason}"]
    assert [each["options"]["allow_origins"] for each in found["policies"]] == [[A]]


def test_an_include_of_nginx_without_its_end(capsys: pytest.CaptureFixture[str]) -> None:
    Path("cors.conf").write_text(f"{ADD} {A} always;\n\n{ADD} {B}")
    found = imported(capsys, "nginx", server(f"{ADD} {A} always; include cors.conf;"), 1)
    assert found["unread"][-1].endswith(f"cors.conf:3: {UNTERMINATED.format('add_header')}")


def test_other_directives_of_nginx_are_not_checked(capsys: pytest.CaptureFixture[str]) -> None:
    body = f"""{ADD} {A} always;  # "add_header
more_clear_headers a b c d;
server_tokens build;
geo $x {{ default 0; return 1 2 3; }}
content_by_lua_block {{ if x then return end }}
add_header  # a comment
  X-A '}}' always;
if ( $request_method = ";" ) {{ }}
"""
    assert imported(capsys, "nginx", server(body))["unread"] == []


def test_nginx_that_cannot_be_parsed(capsys: pytest.CaptureFixture[str]) -> None:
    Path("given").write_text("server {\nlocation / {\n")
    assert main(["import", "--from", "nginx", "given"]) == 2
    assert "given:2" in capsys.readouterr().err


# -- HAProxy ---------------------------------------------------------------------------------


def frontend(*lines: str) -> str:
    return "\n".join(["global", "  daemon", "frontend web", *(f"  {line}" for line in lines)])


SET = "http-response set-header Access-Control-Allow-Origin"
DELETE = SET.replace("set", "del")


@pytest.mark.parametrize(
    ("lines", "origins"),
    [
        ([f"{SET} *"], ["*"]),
        ([f"{SET} {A}"], [A]),
        ([f"{SET} %[req.hdr(Origin)]"], ["*"]),
        (
            [
                "acl ok hdr(origin) https://a.example https://b.example",
                f"{SET} %[hdr(origin)] if ok",
            ],
            [A, B],
        ),
        (
            [r"acl ok hdr_reg(Origin) -i ^https://(x|y)\.example$", f"{SET} %[hdr(origin)] if ok"],
            [{"regex": r"https://(x|y)\.example"}],
        ),
        (
            [
                "capture request header Origin len 128",
                f"{SET} %[capture.req.hdr(0)] if {{ capture.req.hdr(0) -m end //x.example }}",
            ],
            [{"regex": r".*//x\.example"}],
        ),
        (
            [
                "http-request capture req.hdr(origin) len 99",
                (
                    f"{SET.replace('-', '-after-', 1)} %[capture.req.hdr(0)] unless"
                    f" !{{ capture.req.hdr(0) -m str {A} }}"
                ),
            ],
            [A],
        ),
        (
            [
                "http-request set-var(txn.o) req.hdr(origin),lower",
                (
                    f"{SET} %[var(txn.o)] if {{ var(txn.o) -m beg https://x.example: }} || "
                    f'{{ var(txn.o) -m sub "//y.example:8" }}'
                ),
            ],
            [{"regex": r"https://x\.example:.*"}, {"regex": r".*//y\.example:8.*"}],
        ),
        ([f"{SET} *", f"{SET} {A}"], [A]),
        ([f"{SET} %[hdr(origin)]", f"{DELETE} unless {{ hdr(origin) -m str {A} }}"], [A]),
        ([f"{SET} {A} if TRUE", f"{SET} * if FALSE"], [A]),
        ([f"{SET} {A} if {{ method -i get }} or {{ method -m reg ^(POST|OPTIONS)$ }}"], [A]),
        ([f"{SET} %[str({A})] if {{ req.hdr(origin) -m found }}"], [A]),
        ([f"{SET} %[hdr(origin)] if {{ hdr(origin) -- {A} }}"], [A]),
        ([f"{SET} *", f"{SET} {A} if {{ capture.req.hdr(3) -m str x }}"], ["*"]),
        ([f"{SET} {A}", f"{SET} *  # every origin"], ["*"]),
    ],
)
def test_rules_of_haproxy(
    capsys: pytest.CaptureFixture[str], lines: list[str], origins: list[object]
) -> None:
    assert only(capsys, "haproxy", frontend(*lines)) == {
        "allow_origins": origins,
        "max_age": None,
    }


def test_preflights_of_haproxy(capsys: pytest.CaptureFixture[str]) -> None:
    found = imported(
        capsys,
        "haproxy",
        frontend(
            f"acl ok req.hdr(origin) -m str {A}",
            "http-request return status 204 hdr Access-Control-Allow-Origin %[req.hdr(origin)]"
            ' hdr access-control-allow-methods "GET, PUT" hdr Access-Control-Max-Age 60'
            " if METH_OPTIONS ok",
            f"{SET} %[req.hdr(origin)] if ok",
            "http-response set-header Access-Control-Allow-Credentials true if ok",
            r"http-response set-header Access-Control-Expose-Headers X-A,\ X-B if ok",
        ),
    )
    assert found["policies"][0]["options"] == {
        "allow_origins": [A],
        "allow_methods": ["GET", "PUT"],
        "expose_headers": ["X-A", "X-B"],
        "allow_credentials": True,
        "max_age": 60,
    }
    assert found["notes"] == [
        (
            "given:7: Access-Control-Allow-Credentials: preflights lack"
            f" Access-Control-Allow-Credentials, {REFUSED} with credentials there;"
            " this policy allows"
            " them"
        )
    ]


def test_later_rules_of_haproxy_change_returned_answers(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Rules `http-after-response` apply to each response, and `http-response` not to `return`."""
    text = frontend(
        "http-after-response set-header Access-Control-Allow-Credentials true",
        "http-response set-header Access-Control-Max-Age 9",
        f"http-request return status 204 hdr Access-Control-Allow-Origin {A} if METH_OPTIONS",
        f"{SET} {A}",
    )
    found = imported(capsys, "haproxy", text)
    assert found["policies"][0]["options"] == {
        "allow_origins": [A],
        "allow_credentials": True,
        "max_age": None,
    }
    assert found["notes"] == []


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (f"{SET} * if {{ src 10.0.0.0/8 }}", "the condition is not read"),
        (f"{SET} * if {{ req.hdr(origin) -f origins.lst }}", "the condition is not read"),
        (f"{SET} * if {{ req.hdr(origin) -x {B} }}", "the condition is not read"),
        (f"{SET} * if no-such-acl", "there is no such ACL"),
        (f"{SET} %[req.hdr(origin)] if {{ req.hdr(origin) -m reg ( }}", "not a valid regex"),
        (r"rspadd Access-Control-Allow-Origin:\ *", "it is not read"),
        ("http-response add-header Access-Control-Allow-Origin *", "is doubled"),
        (f"{SET} %[lua.origin]", "depends on what is not read"),
    ],
)
def test_what_haproxy_has_that_is_not_static(
    capsys: pytest.CaptureFixture[str], line: str, reason: str
) -> None:
    text = frontend(f"{SET} {A}", line) + f"\nbackend b\n  {SET} {A}\n"
    found = imported(capsys, "haproxy", text, 1)
    assert any(each.startswith("given:5: ") and reason in each for each in found["unread"])


# -- the command -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "text", "said"),
    [
        ("ingress-nginx", "kind: Ingress\n", "no CORS policy of ingress-nginx was found"),
        ("ingress-nginx", "a: b\n{{ end }}\n", "given:3: not YAML"),
        ("gateway-api", "a:\n  - b: [\n", "given:3: not YAML"),
        ("envoy", "a: !!python/object:os.system x\n", "given:1: not YAML"),
        ("nginx", "server { }", "no CORS policy of nginx was found"),
        ("nginx", 'a:\n  b: "c"\nd: []\n', "given: it is not a file of nginx"),
        ("haproxy", "", "no CORS policy of haproxy was found"),
    ],
)
def test_nothing_to_import(
    capsys: pytest.CaptureFixture[str], source: str, text: str, said: str
) -> None:
    Path("given").write_text(text)
    assert main(["import", "--from", source, "given"]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert said in printed.err


@pytest.mark.parametrize(
    ("source", "module"), [("envoy", "yaml"), ("ingress-nginx", "yaml"), ("nginx", "crossplane")]
)
def test_without_the_library_it_says_what_to_install(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, source: str, module: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    Path("given").write_text("")
    assert main(["import", "--from", source, "given"]) == 2
    assert "pip install 'corsfast[import]'" in capsys.readouterr().err


def test_the_page_shows_the_real_output(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    page = (Path(__file__).parents[2] / "docs" / "import.md").read_text("utf-8")
    blocks = r"""^```yaml\n((?s:.*?))^```

```console
\$ corsfast (.*)
```

```toml
((?s:.*?))^```$"""
    ((text, arguments, expected),) = re.findall(blocks, page, re.MULTILINE)
    Path("ingress.yaml").write_text(text)
    assert main(arguments.split()) == 1
    assert capsys.readouterr().out == expected


def test_aliases_of_yaml_do_not_multiply(capsys: pytest.CaptureFixture[str]) -> None:
    bomb = "a0: &a0 [x]\n" + "".join(
        f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 20)
    )
    Path("given").write_text(f"{bomb}b: &b {{c: *b}}\n")
    assert main(["import", "--from", "gateway-api", "given"]) == 2
    assert "no CORS policy" in capsys.readouterr().err


def test_control_characters_are_escaped(capsys: pytest.CaptureFixture[str]) -> None:
    text = 'kind: HTTPRoute\nmetadata: {name: "x\\e[31m\\ny"}\nspec:\n  rules:\n  - filters:\n'
    text += f'    - {{type: CORS, cors: {{allowOrigins: [{A}], "m\\e[31m": 1}}}}\n'
    Path("given").write_text(text)
    assert main(["import", "--from", "gateway-api", "given"]) == 1
    printed = capsys.readouterr().out
    assert "\x1b" not in printed
    assert tomllib.loads(printed)["allow_origins"] == [A]


@pytest.mark.parametrize("most", [100, 10])
def test_the_steps_of_an_import_are_bounded(
    most: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each rule is compared with the origin of each other rule."""
    monkeypatch.setattr(reading, "MAX_STEPS", most)
    rule = "  http-response set-header Access-Control-Allow-Origin %[req.hdr(origin)]"
    rules = [rule + f" if {{ req.hdr(origin) {origin} }}" for origin in (A, B)]
    Path("given").write_text("\n".join(["frontend web", *rules]) + "\n")
    assert main(["import", "--from", "haproxy", "given"]) == (0 if most == 100 else 2)
    shown = "".join(capsys.readouterr())
    assert (f"more than {most} steps are needed to read it (MAX_STEPS)" in shown) is (most == 10)


# -- work ------------------------------------------------------------------------------------


def executed(work: Callable[[], object]) -> int:
    """Return the number of lines of Python that a function executes."""
    lines = 0

    def trace(_frame: object, event: str, _given: object) -> Any:
        nonlocal lines
        lines += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
    return lines


# Prefix, a line for each origin, suffix.
LARGE = {
    "nginx map": (
        (
            "map $http_origin $cors {{\n{}'~^https://r[0-9]+[.]example$' $http_origin;\n}}\n"
            "server {{ location / {{ add_header Access-Control-Allow-Origin $cors; }} }}\n"
        ),
        "'{}' $http_origin;\n",
    ),
    "nginx locations": (
        "server {{\n{}}}\n",
        "location {} {{ add_header Access-Control-Allow-Origin https://a.example; }}\n",
    ),
    "haproxy acl": (
        (
            "frontend web\n{}  acl ok req.hdr(origin) -m reg ^https://r[0-9]+[.]example$\n"
            "  http-response set-header Access-Control-Allow-Origin %[req.hdr(origin)] if ok\n"
        ),
        "  acl ok req.hdr(origin) {}\n",
    ),
    "haproxy patterns": (
        (
            "frontend web\n  http-response set-header Access-Control-Allow-Origin"
            " %[req.hdr(origin)] if {{ req.hdr(origin){} }}\n"
        ),
        " {}",
    ),
    "haproxy sections": (
        "{}",
        "backend {}\n  http-response set-header Access-Control-Allow-Origin https://a.example\n",
    ),
    "envoy list": ("cors:\n  allow_origin_string_match:\n{}", "  - exact: {}\n"),
    "gateway-api list": (
        (
            "kind: HTTPRoute\nspec:\n  rules:\n  - filters:\n    - type: CORS\n      cors:\n"
            "        allowOrigins:\n{}"
        ),
        "        - {}\n",
    ),
    "ingress-nginx list": (
        (
            "kind: Ingress\nmetadata:\n  annotations:\n"
            "    nginx.ingress.kubernetes.io/enable-cors: 'true'\n"
            "    nginx.ingress.kubernetes.io/cors-allow-origin: '{}'\n"
        ),
        "{},",
    ),
}


@pytest.mark.parametrize("case", LARGE)
def test_an_import_takes_linear_work(case: str, capsys: pytest.CaptureFixture[str]) -> None:
    whole, each = LARGE[case]
    source = case.partition(" ")[0]

    def lines(number: int) -> int:
        origins = (f"https://n{i}.example" for i in range(number))
        Path("given").write_text(whole.format("".join(map(each.format, origins))))
        return executed(lambda: main(["import", "--from", source, "given"]))

    lines(1)  # fills caches
    few, many = lines(50), lines(200)
    assert "https://n199.example" in capsys.readouterr().out
    assert many < 5 * few


def test_equal_entries_are_not_searched() -> None:
    class Entry:
        compared = 0

        def __eq__(self, other: object) -> bool:
            Entry.compared += 1
            return self is other

        __hash__ = object.__hash__

    found = Reading().new("all")
    found.add("allow_origins", [Entry() for _ in range(1000)], "here")
    assert Entry.compared < 1000


def test_names_of_equal_tables_are_not_searched() -> None:
    def lines(number: int) -> int:
        numbers: dict[str, int] = {}
        return executed(lambda: {_table("same", numbers) for _ in range(number)})

    assert lines(400) < 5 * lines(100)
    taken: dict[str, int] = {}
    names = [_table(name, taken) for name in ("a", "a-2", "a", "a")]
    assert names == ["a", "a-2", "a-3", "a-4"]


def multiplied(source: str) -> str:
    """Return a short text in which each line doubles the one before it."""
    if source == "nginx":
        doubled = "set $a $a$a; " * 60
        header = "add_header Access-Control-Allow-Origin $a;"
        return f"server {{ set $a {'a' * 32}; {doubled} {header} }}"
    start, item = "- &a0 [x]\n", "[*a{0}, *a{0}]"
    if source == "gateway-api":
        start, item = "- &a0 {kind: List}\n", "{{kind: List, items: [*a{0}, *a{0}]}}"
    lines = (f"- &a{i} {item.format(i - 1)}\n" for i in range(1, 40))
    body = start + "".join(lines)
    return f"kind: List\nitems:\n{body}" if source == "gateway-api" else body


@pytest.mark.parametrize("source", ["nginx", "envoy", "gateway-api"])
def test_a_text_that_multiplies_is_refused(
    source: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "MAX_STEPS", 10_000)
    Path("given").write_text(multiplied(source))
    assert main(["import", "--from", source, "given"]) == 2
    assert "more than 10000 steps are needed to read it (MAX_STEPS)" in capsys.readouterr().err


def test_merges_of_yaml_that_multiply_are_refused(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(yaml_lines, "MAX_MERGED", 100)
    nested = (f"a{i}: &a{i} {{<<: *a{i - 1}, k{i}: 1}}\n" for i in range(1, 20))
    listed = f"b: {{<<: [{', '.join(['*a0'] * 101)}]}}\n"
    for merges in ("".join(nested), listed):
        Path("given").write_text(f"a0: &a0 {{k0: 1}}\n{merges}")
        assert main(["import", "--from", "envoy", "given"]) == 2
        printed = capsys.readouterr().err
        assert "given: not YAML: merges add more than 100 keys (MAX_MERGED)" in printed


@pytest.mark.parametrize(
    ("source", "text"), [("envoy", "b: &b {c: *b}"), ("nginx", "include given;")]
)
def test_a_text_within_itself_is_nested_too_deeply(
    source: str, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("given").write_text(text)
    assert main(["import", "--from", source, "given"]) == 2
    assert "given: it is nested too deeply" in capsys.readouterr().err


def test_lines_of_haproxy_without_their_words(capsys: pytest.CaptureFixture[str]) -> None:
    header = "http-response set-header Access-Control-Allow-Origin"
    lines = ["acl", "acl x", "capture request header", header, f"{header} {A} unless x"]
    assert only(capsys, "haproxy", frontend(*lines), 1) == {"allow_origins": [A], "max_age": None}


def test_a_map_of_nginx_keeps_the_case_for_regexes(capsys: pytest.CaptureFixture[str]) -> None:
    text = f"map $request_method $cors {{ head ''; ~^(GET|OPTIONS)$ {A}; }}\n"
    options = only(capsys, "nginx", server("add_header Access-Control-Allow-Origin $cors;", text))
    assert options["allow_origins"] == [A]


def test_a_regex_of_a_map_keeps_its_backslash(capsys: pytest.CaptureFixture[str]) -> None:
    text = f"map $http_origin $cors {{ ~\\.d\\.example$ $http_origin; \\{A} {A}; }}\n"
    options = only(capsys, "nginx", server("add_header Access-Control-Allow-Origin $cors;", text))
    assert options["allow_origins"] == [A, {"regex": r".*\.d\.example"}]


# -- regexes that run on known values --------------------------------------------------------

LONG = "!" * 64 + "a" * 64 + "b"


@pytest.mark.parametrize("regex", ["(a|a)+$", "^(!!?|[!a])+$", "(|){64}x", "(?:a?){64}c"])
def test_a_slow_regex_on_a_known_value_is_fast(
    regex: str, capsys: pytest.CaptureFixture[str]
) -> None:
    body = f"set $v '{LONG}'; {ADD} {A}; if ($v ~ '{regex}') {{ {ADD} {B}; }}"
    assert only(capsys, "nginx", server(body))["allow_origins"] == [A]
    variable = f"http-request set-var(txn.v) str({LONG})"
    lines = [variable, f"{SET} {A}", f"{SET} {B} if {{ var(txn.v) -m reg '{regex}' }}"]
    assert only(capsys, "haproxy", frontend(*lines))["allow_origins"] == [A]


def test_a_slow_regex_on_a_star_is_fast(capsys: pytest.CaptureFixture[str]) -> None:
    policy = matching({"exact": A}, {"safe_regex": {"regex": r"\*(?:a?|b?){64}^"}})
    (found,) = imported(capsys, "envoy", envoy(policy), 1)["policies"]
    assert "*" not in found["options"]["allow_origins"]


@pytest.mark.parametrize("regex", ["(?=a)a", "^(?:(?:a{99}){99}){99}$"])
def test_a_regex_on_a_known_value_is_not_read(
    regex: str, capsys: pytest.CaptureFixture[str]
) -> None:
    reason = "matches a known value is not read"
    body = f"set $v '{LONG}'; {ADD} {A} always; if ($v !~ '{regex}') {{ {ADD} '*'; }}"
    found = imported(capsys, "nginx", server(body), 1)
    assert found["policies"][0]["options"]["allow_origins"] == [A]
    assert [reason in each for each in found["unread"]] == [True]
    variable = f"http-request set-var(txn.v) str({LONG})"
    lines = [variable, f"{SET} {A}", f"{SET} * if {{ var(txn.v) -m reg '{regex}' }}"]
    found = imported(capsys, "haproxy", frontend(*lines), 1)
    assert found["policies"][0]["options"]["allow_origins"] == [A]
    assert [reason in each for each in found["unread"]] == [True]


# -- files that are not valid ----------------------------------------------------------------


@pytest.mark.parametrize("age", ["-", "--5", "9" * 5000, "\u0665"])
def test_an_age_that_is_no_number_is_not_read(age: str, capsys: pytest.CaptureFixture[str]) -> None:
    files = {
        "envoy": envoy(matching({"exact": A}) | {"max_age": age}),
        "gateway-api": route(allowOrigins=[A], maxAge=age),
        "ingress-nginx": ingress(cors_allow_origin=A, cors_max_age=age),
        "nginx": server(f"{ADD} {A} always; add_header Access-Control-Max-Age '{age}';"),
        "haproxy": frontend(f"{SET} {A}", f"http-response set-header Access-Control-Max-Age {age}"),
    }
    for source, text in files.items():
        assert imported(capsys, source, text, 1)["unread"] != []


@pytest.mark.parametrize("index", ["9" * 5000, "1"])
def test_a_capture_that_is_not_there_is_empty(
    index: str, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [f"{SET} {A}", f"{SET} * if {{ capture.req.hdr({index}) -m found }}"]
    assert only(capsys, "haproxy", frontend(*lines))["allow_origins"] == [A]


@pytest.mark.parametrize("origin", ["a+*://*", "http://*:(", "*", "://*"])
def test_an_origin_of_a_route_is_no_regex(origin: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("given").write_text(route(allowOrigins=[A, origin]))
    assert main(["import", "--from", "gateway-api", "given"]) == 1
    assert A in capsys.readouterr().out


@pytest.mark.parametrize(
    "value",
    ["\x01", "!!int ''", "!!bool x", "!!timestamp x", "0x" + "f" * 5000, "1:1" * 60 + ".5"],
)
def test_a_value_that_yaml_cannot_read(value: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("given").write_text(f"a: {value}\n")
    assert main(["import", "--from", "envoy", "given"]) == 2
    assert "given: not YAML: " in capsys.readouterr().err


# -- aliases of YAML -------------------------------------------------------------------------


@pytest.mark.parametrize("source", ["envoy", "gateway-api"])
def test_entries_of_aliased_policies_are_steps(
    source: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "MAX_STEPS", 10_000)
    numbers = range(60)
    if source == "envoy":
        matchers = [{"exact": f"https://n{i}.example"} for i in numbers]
        text = f"- cors: &a {json.dumps(matching(*matchers))}\n" + "- cors: *a\n" * 60
    else:
        origins = [f"https://n{i}.example" for i in numbers]
        rule = f"{{filters: [{{type: CORS, cors: {{allowOrigins: {json.dumps(origins)}}}}}]}}"
        rules = f"  - &a {rule}\n" + "  - *a\n" * 60
        text = f"kind: HTTPRoute\nspec:\n  rules:\n{rules}"
    Path("given").write_text(text)
    assert main(["import", "--from", source, "given"]) == 2
    assert "more than 10000 steps are needed to read it (MAX_STEPS)" in capsys.readouterr().err


def doubled(last: str) -> str:
    """Return lists that each list the one before it twice, and a line that names the last."""
    lists = (f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]\n" for i in range(1, 40))
    return f"a0: &a0 [x]\n{''.join(lists)}{last}\n"


@pytest.mark.parametrize(
    "last", ["{allowOrigins: [*a39]}", "{maxAge: *a39}", "{more: *a39}", "{? *a39 : 1}"]
)
def test_a_list_of_aliases_is_not_written_out(
    last: str, capsys: pytest.CaptureFixture[str]
) -> None:
    text = doubled(f"spec: {{rules: [{{filters: [{{type: CORS, cors: {last}}}]}}]}}")
    Path("given").write_text(f"kind: HTTPRoute\n{text}")
    assert main(["import", "--from", "gateway-api", "given"]) in (1, 2)
    assert len("".join(capsys.readouterr())) < 5000
