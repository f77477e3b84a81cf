"""The command ``corsfast export``, and what the functions of `corsfast.export` refuse.

tests/export proves on the real programs that the files decide like the policy.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from corsfast import CorsfastPerformanceWarning, Policy
from corsfast.__main__ import main
from corsfast.export import TARGETS, ExportError
from corsfast.export._model import changes_since, policy_hash

POLICY = """
allow_origins = ["https://app.example.com", "https://*.preview.example.com"]
allow_methods = ["PUT"]
"""
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
