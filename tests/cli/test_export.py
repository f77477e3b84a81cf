"""The command ``corsfast export``, and what the functions of `corsfast.export` refuse.

tests/export proves on the real programs that the files decide like the policy.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from corsfast import (
    CorsfastPerformanceWarning,
    CorsfastSecurityWarning,
    CorsfastUnmatchableWarning,
    Policy,
)
from corsfast.__main__ import main
from corsfast.export import TARGETS, ExportError
from corsfast.export._model import changes_since, policy_hash

POLICY = """
allow_origins = ["https://app.example.com", "https://*.preview.example.com"]
allow_methods = ["PUT"]
"""
LISTS = ("aws-api-gateway", "gateway-api", "s3")
PROXIES = ("apache", "caddy", "envoy", "haproxy", "lighttpd", "nginx", "varnish")
LOOK_AROUND = re.compile(r"https://(?!evil)[a-z]+\.example\.com")


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    path = tmp_path / "policy.toml"
    path.write_text(POLICY)
    return path


@pytest.fixture
def exported(policy: Path, tmp_path: Path) -> Path:
    path = tmp_path / "cors.conf"
    assert main(["export", "--to", "nginx", "--output", str(path), str(policy)]) == 0
    return path


def test_output_is_that_of_the_function(
    policy: Path, exported: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = TARGETS["nginx"](Policy.from_toml(policy, None))
    assert exported.read_text() == text
    capsys.readouterr()
    assert main(["export", "--to", "nginx", str(policy)]) == 0
    assert capsys.readouterr().out == text


def test_check_of_a_current_file(policy: Path, exported: Path) -> None:
    assert main(["export", "--check", str(exported), str(policy)]) == 0


def test_check_after_the_policy_changed(
    policy: Path, exported: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    policy.write_text(POLICY.replace("PUT", "DELETE"))
    assert main(["export", "--check", str(exported), str(policy)]) == 1
    assert f"from {policy}: the policy has changed; export" in capsys.readouterr().out


def test_check_after_the_file_was_edited(
    policy: Path, exported: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    exported.write_text(exported.read_text().replace("app.example.com", "evil.example"))
    assert main(["export", "--check", str(exported), str(policy)]) == 1
    assert f"from {policy}: the file was edited; export" in capsys.readouterr().out


def test_check_of_another_file(
    policy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "other.conf").write_text("add_header X-Id 1;\n")
    assert main(["export", "--check", str(tmp_path / "other.conf"), str(policy)]) == 2
    assert "was not written by corsfast export" in capsys.readouterr().err
    assert main(["export", "--check", str(tmp_path / "missing"), str(policy)]) == 2


def test_policy_with_a_risk_is_not_exported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "policy.toml"
    path.write_text('allow_origins = ["https://*.com"]\n')
    assert main(["export", "--to", "nginx", str(path)]) == 2
    assert "corsfast check" in capsys.readouterr().err
    assert main(["export", "--to", "nginx", "--tolerate", "public-suffix", str(path)]) == 0


def test_refusal_shows_the_nearest_policy(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "policy.toml"
    path.write_text(
        f"allow_origins = ['https://a.example.com', {{regex = '{LOOK_AROUND.pattern}'}}]\n"
    )
    assert main(["export", "--to", "nginx", str(path)]) == 2
    shown = capsys.readouterr().err
    assert "look-around" in shown
    assert 'allow_origins = ["https://a.example.com"]' in shown


@pytest.mark.parametrize("target", PROXIES)
def test_hash_is_that_of_an_equal_policy(target: str) -> None:
    origins = ["https://a.example", "https://b.example"]
    text = TARGETS[target](Policy(allow_origins=origins))
    same = Policy(allow_origins=[*reversed(origins)])
    assert changes_since(text, same) == []
    assert text == TARGETS[target](same)
    narrower = Policy(allow_origins=origins[:1])
    assert changes_since(text, narrower) == ["the policy has changed"]


def test_hash_tells_regexes_apart() -> None:
    regexes = [re.compile("https://a"), re.compile("https://A", re.IGNORECASE)]
    assert len({policy_hash(Policy(allow_origins=[regex])) for regex in regexes}) == 2


@pytest.mark.parametrize("target", PROXIES)
def test_look_around_is_refused_with_the_nearest(target: str) -> None:
    with pytest.warns(CorsfastPerformanceWarning):
        policy = Policy(allow_origins=["https://a.example", LOOK_AROUND])
    with pytest.raises(ExportError, match="look-around") as caught:
        TARGETS[target](policy)
    assert {reason.option for reason in caught.value.reasons} == {"allow_origins"}
    assert caught.value.nearest is not None
    nearest = Policy(**caught.value.nearest)
    assert nearest == Policy(allow_origins=["https://a.example"])
    assert policy.diff(nearest).verdict != "wider"
    TARGETS[target](nearest)


@pytest.mark.parametrize("target", PROXIES)
def test_keep_is_refused_and_replace_is_the_nearest(target: str) -> None:
    with pytest.raises(ExportError, match="existing") as caught:
        TARGETS[target](Policy(allow_origins=["https://a.example"], existing="keep"))
    assert caught.value.nearest is not None
    assert Policy(**caught.value.nearest) == Policy(allow_origins=["https://a.example"])


def test_status_that_apache_does_not_know_is_refused() -> None:
    policy = Policy(allow_origins=["https://a.example.com"], preflight_status=299)
    with pytest.raises(ExportError, match="does not know this status") as caught:
        TARGETS["apache"](policy)
    assert caught.value.nearest is not None
    assert Policy(**caught.value.nearest) == Policy(allow_origins=["https://a.example.com"])


def test_unknown_methods_reach_the_application_behind_envoy() -> None:
    for methods, passed in (("*", True), (["PUT"], False), (["PUT", "CHICKEN"], True)):
        text = TARGETS["envoy"](Policy(allow_origins=["https://a.example"], allow_methods=methods))
        assert ("allow_custom_methods" in text) is passed


def test_credentials_for_any_origin_are_not_exported() -> None:
    risk = "any-origin-with-credentials"
    with pytest.warns(CorsfastSecurityWarning):
        policy = Policy(allow_origins="*", allow_credentials=True, dangerously_tolerate=[risk])
    with pytest.raises(ExportError, match="malformed IPv6 origins") as caught:
        TARGETS["nginx"](policy)
    assert caught.value.nearest is None


def test_nothing_is_near_without_an_origin() -> None:
    with pytest.warns(CorsfastPerformanceWarning):
        policy = Policy(allow_origins=[LOOK_AROUND])
    with pytest.raises(ExportError) as caught:
        TARGETS["nginx"](policy)
    assert caught.value.nearest is None


def test_slow_regex_is_refused_where_matching_backtracks() -> None:
    policy = Policy(allow_origins=[re.compile(r"https://(([a-z]+)*-)*app\.example\.com")])
    TARGETS["envoy"](policy)
    with pytest.raises(ExportError, match="slow"):
        TARGETS["nginx"](policy)


@pytest.mark.parametrize(
    ("length", "count", "sizes"),
    [
        (40, 100, []),
        (41, 1, ["bucket_size 128"]),
        (40, 101, ["bucket_size 512"]),
        (41, 1001, ["bucket_size 1024", "max_size 2002"]),
    ],
)
def test_long_and_many_origins_change_the_hash_of_nginx(
    length: int, count: int, sizes: list[str]
) -> None:
    origins = [f"https://{number:a>{length - 12}}.xyz" for number in range(count)]
    text = TARGETS["nginx"](Policy(allow_origins=origins))
    assert re.findall(r"^map_hash_(.*);$", text, re.MULTILINE) == sizes


def test_envoy_lists_near_a_pattern_only_odd_origins() -> None:
    plain = ["https://a.example", "http://[::1]:9", "capacitor://app", "null"]
    text = TARGETS["envoy"](Policy(allow_origins=[*plain, "https://*.b.example"]))
    fields = json.loads("".join(line for line in text.splitlines(True) if line[0] != "#"))
    matcher = json.dumps(fields["http_filters"][1]["typed_config"]["xds_matcher"])
    assert re.findall(r'"exact": "(.*?)"', matcher) == ["capacitor://app", "http://[::1]:9", "null"]


@pytest.mark.parametrize("target", sorted(TARGETS.keys() - {"gateway-api"}))
def test_an_age_of_0_is_not_left_out(target: str) -> None:
    texts = set()
    for age in (0, None):
        text = TARGETS[target](Policy(allow_origins=["https://a.example"], max_age=age))
        texts.add(re.sub(r"[0-9a-f]{16}", "", text))  # without the hashes
    assert len(texts) == 2


# -- what cannot be expressed ------------------------------------------------------------------

A = "https://a.example"
HEADERS = ["*", "Authorization"]


@pytest.mark.parametrize(
    ("target", "options", "reason"),
    [
        ("gateway-api", {"allow_origins": [A, "http://localhost:*"]}, "no pattern of this kind"),
        ("gateway-api", {"allow_origins": [A, "https://*.b.example:*"]}, "no wildcard for a port"),
        ("gateway-api", {"allow_origins": [A, "null"]}, "an origin is http or https"),
        ("gateway-api", {"allow_origins": [A, "https://a_b.example"]}, "without an underscore"),
        ("gateway-api", {"allow_origins": [f"{A}:{i}" for i in range(1, 70)]}, "at most 64"),
        ("gateway-api", {"allow_methods": ["PUT", "QUERY"]}, "the methods are GET"),
        ("gateway-api", {"allow_headers": ["*", "X-A"]}, "some browsers let"),
        ("gateway-api", {"allow_headers": HEADERS}, "may send '\\*' alone"),
        ("gateway-api", {"timing_allow_origin": True}, "no Timing-Allow-Origin"),
        ("gateway-api", {"existing": "keep"}, "replaces the application's own headers"),
        ("aws-api-gateway", {"allow_origins": [A, "https://*.b.example"]}, "no pattern of this"),
        ("aws-api-gateway", {"allow_origins": [A, "capacitor://localhost"]}, "http or https"),
        ("aws-api-gateway", {"allow_methods": ["*"], "allow_credentials": True}, "as a name"),
        (
            "aws-api-gateway",
            {"allow_headers": HEADERS, "allow_credentials": True},
            "as a name",
        ),
        ("s3", {"allow_credentials": True}, "a bucket reads no cookies"),
        ("s3", {"allow_methods": ["PATCH"]}, "the methods are GET"),
        ("s3", {"allow_methods": "*"}, "the methods are GET"),
        ("s3", {"allow_headers": "*"}, "some browsers let"),
        ("s3", {"expose_headers": "*"}, "names only"),
        ("s3", {"allow_origins": [A, "https://pr-*.b.example"]}, "no pattern of this kind"),
        ("traefik", {"timing_allow_origin": True}, "no Timing-Allow-Origin"),
        ("traefik", {"allow_headers": "*", "allow_credentials": True}, "some browsers let"),
        ("envoy", {"timing_allow_origin": True}, "does not send it"),
        ("lighttpd", {"allow_origins": [A, "https://*.b.example"]}, "does not repeat a value"),
        (
            "lighttpd",
            {"allow_methods": "*", "allow_headers": HEADERS, "allow_credentials": True},
            "allow_methods: \\*: .*\n.*allow_headers: \\*: lighttpd does not repeat",
        ),
    ],
)
def test_what_a_target_cannot_express(target: str, options: dict[str, Any], reason: str) -> None:
    policy = Policy(**{"allow_origins": [A], **options})
    with pytest.raises(ExportError, match=reason) as caught:
        TARGETS[target](policy)
    assert caught.value.nearest is not None
    nearest = Policy(**caught.value.nearest)
    assert policy.diff(nearest).verdict in ("same", "narrower")
    TARGETS[target](nearest)


def test_no_policy_is_nearer_than_an_age_of_0() -> None:
    policy = Policy(allow_origins=[A], max_age=0)
    with pytest.raises(ExportError, match="the smallest age is 1") as caught:
        TARGETS["gateway-api"](policy)
    assert caught.value.nearest is None


@pytest.mark.parametrize("target", LISTS)
def test_a_policy_without_origins(target: str) -> None:
    with pytest.warns(CorsfastUnmatchableWarning):
        policy = Policy(allow_origins=[])
    with pytest.raises(ExportError, match="it needs an origin") as caught:
        TARGETS[target](policy)
    assert caught.value.nearest is None


def test_any_port_of_a_bucket() -> None:
    policy = Policy(allow_origins=["http://localhost:*", "https://*.b.example:8443"])
    (rule,) = json.loads(TARGETS["s3"](policy))["CORSRules"]
    assert rule["AllowedOrigins"] == [
        "http://localhost",
        "http://localhost:*",
        "https://*.b.example:8443",
    ]


# -- what is written ---------------------------------------------------------------------------

PATTERN = "https://*.b.example"
REGEX = r"(?:https://(?:[0-9_a-z-]+[.])+b[.]example)"


@pytest.mark.parametrize(
    ("target", "origins", "written"),
    [
        ("apache", "*", 'SetEnvIfExpr "true" CORSFAST_ORIGIN'),
        ("apache", A, f"\"%{{HTTP:Origin}} == '{A}'\" CORSFAST_ORIGIN"),
        ("apache", PATTERN, rf'SetEnvIf Origin "^{REGEX}\z" CORSFAST_ORIGIN'),
        ("apache", PATTERN, '" !CORSFAST_ORIGIN'),  # the malformed ones
        ("aws-api-gateway", "*", '"AllowOrigins": [\n      "*"\n    ],'),
        ("aws-api-gateway", A, f'"AllowOrigins": [\n      "{A}"\n    ],'),
        (
            "aws-api-gateway",
            "http://localhost:[8080-8081]",
            '[\n      "http://localhost:8080",\n      "http://localhost:8081"\n    ],',
        ),
        ("caddy", "*", "{corsfast_origin} {\n\t\tdefault yes\n"),
        ("caddy", A, f"{{corsfast_listed}} {{\n\t\t`{A}` yes\n\t\tdefault no\n"),
        ("caddy", PATTERN, f"{{corsfast_matched}} {{\n\t\t`~^{REGEX}$` yes\n\t\tdefault no\n"),
        ("gateway-api", "*", 'allowOrigins:\n    - "*"\n  allowMethods'),
        ("gateway-api", PATTERN, f'allowOrigins:\n    - "{PATTERN}"\n  allowMethods'),
        ("haproxy", "*", "set-var(txn.corsfast_origin) str(*)"),
        ("haproxy", [A, PATTERN], " if corsfast_one corsfast_listed or corsfast_one corsfast_ma"),
        ("haproxy", PATTERN, rf"acl corsfast_matched req.fhdr(origin) -m reg -- '^{REGEX}\z'"),
        ("lighttpd", "*", '"Access-Control-Allow-Origin" => "*"'),
        ("lighttpd", A, f'"Access-Control-Allow-Origin" => "{A}"'),
        ("nginx", "*", '$corsfast_origin {\n    default "*";\n'),
        ("nginx", A, f'$corsfast_candidate {{\n    "{A}" "{A}";\n'),
        ("nginx", "tauri://a.b", r'"~^(?:tauri://a[.]b)\z" $http_origin;'),
        ("nginx", PATTERN, rf'"~^{REGEX}\z" $http_origin;'),
        ("s3", "*", '"AllowedOrigins": [\n    "*"\n  ],'),
        ("s3", PATTERN, f'"AllowedOrigins": [\n    "{PATTERN}"\n  ],'),
        ("varnish", "*", "if (true) {"),
        ("varnish", A, f'if (req.http.Origin == "{A}") {{'),
        ("varnish", PATTERN, rf'req.http.Origin ~ {{"^{REGEX}\z"}}'),
        ("varnish", [], "if (false) {"),
    ],
)
@pytest.mark.filterwarnings("ignore::corsfast.CorsfastUnmatchableWarning")
def test_how_origins_are_written(target: str, origins: Any, written: str) -> None:
    origins = [origins] if isinstance(origins, str) else origins
    assert written in TARGETS[target](Policy(allow_origins=origins))


def test_haproxy_allows_no_origin_if_none_is_listed() -> None:
    with pytest.warns(CorsfastUnmatchableWarning):
        text = TARGETS["haproxy"](Policy(allow_origins=[]))
    assert "set-var(txn.corsfast_origin)" not in text


def test_a_header_name_is_listed_once_and_any_as_a_star() -> None:
    for names, listed in ((["X-A", "accept"], ["X-A", "accept"]), (HEADERS, ["*"])):
        rule = json.loads(TARGETS["s3"](Policy(allow_origins=[A], allow_headers=names)))
        found = rule["CORSRules"][0]["AllowedHeaders"]
        assert found[: len(listed)] == listed
        assert len({name.lower() for name in found}) == len(found)
