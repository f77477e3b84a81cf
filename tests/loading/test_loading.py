"""`Policy.from_mapping`, `from_toml`, `from_env`: values, errors, and the place of each error."""

from __future__ import annotations

import json
import os
import pathlib
import re
import shlex
import types
import warnings
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st

import corsfast
from corsfast import CorsfastUnmatchableWarning, PolicyError, Problem, within
from corsfast.__main__ import main
from corsfast._loading import files, lines
from corsfast._loading.lines import Lines
from corsfast._loading.literals import in_env, respell, split_items
from corsfast._options.limits import MAX_POLICY_FILE
from corsfast._options.spec import Spec

A = "https://app.example.com"
PR = re.compile(r"https://pr-\d+\.example\.com")
STAGES = within(re.compile(r"https://(dev|stage)[.]example[.]com"), "example.com")

TOML = r"""
# A file of its own.
allow_origins = [
    "https://app.example.com",
    { regex = 'https://pr-\d+\.example\.com' },
    { regex = 'https://(dev|stage)[.]example[.]com', within = ["example.com"] },
]
allow_methods = ["PUT"]
allow_credentials = true
max_age = "none"
"""
OPTIONS: dict[str, Any] = {
    "allow_origins": [A, PR, STAGES],
    "allow_methods": ["PUT"],
    "allow_credentials": True,
    "max_age": None,
}


def write(folder: Path, text: str | bytes, name: str = "policy.toml") -> Path:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def problems(load: Any, *given: Any, **more: Any) -> list[Problem]:
    with pytest.raises(PolicyError) as refused:
        load(*given, **more)
    return list(refused.value.problems)


def only(load: Any, *given: Any, **more: Any) -> Problem:
    (problem,) = problems(load, *given, **more)
    return problem


# -- from a mapping --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "mapping",
    [
        OPTIONS,
        types.MappingProxyType(OPTIONS),
        {**OPTIONS, "max_age": "none", "allow_origins": (A, {"regex": PR.pattern}, STAGES)},
        {
            **OPTIONS,
            "allow_origins": [
                A,
                {"regex": PR.pattern},
                {"regex": STAGES.regex.pattern, "within": ["example.com"]},
            ],
        },
    ],
)
def test_a_mapping_is_a_policy(Policy: Any, mapping: Any) -> None:
    policy = Policy.from_mapping(mapping)
    assert type(policy) is Policy
    assert policy == Policy(**OPTIONS)
    assert policy.options()["allow_origins"] == [A, PR, STAGES]


def test_a_mapping_is_not_changed(Policy: Any) -> None:
    mapping = {"allow_origins": [{"regex": PR.pattern}], "max_age": "none"}
    before = json.dumps(mapping)
    Policy.from_mapping(mapping)
    assert json.dumps(mapping) == before


@pytest.mark.parametrize(
    "origins", ["*", {"https://a.example"}, ["*"], dict.fromkeys(["https://a.example"]).keys()]
)
def test_origins_of_any_kind_are_for_the_policy(Policy: Any, origins: Any) -> None:
    assert Policy.from_mapping({"allow_origins": origins}).actual("https://a.example").allowed


@pytest.mark.parametrize(
    ("mapping", "code", "option", "hint"),
    [
        ({}, "missing", "allow_origins", None),
        ({"allow_origin": [A]}, "unknown-option", "allow_origin", "allow_origins"),
        ({"origins": [A]}, "unknown-option", "origins", "allow_origins"),
        ({"allow_origins": [A], "maxAge": 1}, "unknown-option", "maxAge", "max_age"),
        ({"allow_origins": [A], "ALLOW_METHODS": []}, "unknown-option", "ALLOW_METHODS",
         "allow_methods"),
        ({"allow_origins": [A], 3: 4}, "unknown-option", "3", None),
        ({"allow_origins": [A], "allow_origin_regex": "x"}, "unknown-option",
         "allow_origin_regex", "{ regex = '...' } as an entry of allow_origins"),
        ({"allow_origins": [{"regex": "("}]}, "regex-syntax", "allow_origins", None),
        ({"allow_origins": [{"regex": r"https://(?<n>a)\.example"}]}, "regex-syntax",
         "allow_origins", r're.compile(r"https://(?P<n>a)\.example")'),
        ({"allow_origins": [{"regx": "a"}]}, "unknown-option", "allow_origins", "regex"),
        ({"allow_origins": [{"regex": 3}]}, "type", "allow_origins", '{"regex": "..."}'),
        ({"allow_origins": [{"regex": "a", "within": "a.example"}]}, "within", "allow_origins",
         None),
        ({"allow_origins": [{"regex": "a", "within": []}]}, "within", "allow_origins", None),
        ({"allow_origins": [r"regex:https://a\.example"]}, "looks-like-regex", "allow_origins",
         r're.compile(r"https://a\.example")'),
        ({"allow_origins": [A, None]}, "type", "allow_origins", None),
        ({"allow_origins": [A], "max_age": "soon"}, "type", "max_age", None),
        ({"allow_origins": [A + "/"]}, "trailing-slash", "allow_origins", repr(A)),
    ],
)  # fmt: skip
def test_problems_of_a_mapping(
    Policy: Any, mapping: Any, code: str, option: str, hint: str | None
) -> None:
    problem = only(Policy.from_mapping, mapping)
    assert (problem.code, problem.option, problem.hint) == (code, option, hint)


def test_an_option_of_other_software_is_explained(Policy: Any) -> None:
    mapping = {"allow_origins": [A], "allow_private_network": True}
    assert "browsers have withdrawn it" in only(Policy.from_mapping, mapping).message


def test_all_problems_are_one_error(Policy: Any) -> None:
    mapping = {
        "color": 1,
        "allow_origins": [{"regex": "("}, "https://*.co.uk", A + "/"],
        "max_age": -1,
    }
    found = [problem.code for problem in problems(Policy.from_mapping, mapping)]
    assert sorted(found) == sorted(
        ["unknown-option", "regex-syntax", "public-suffix", "trailing-slash", "out-of-range"]
    )


def test_a_refused_mapping_does_not_warn(Policy: Any) -> None:
    mapping = {"allow_origins": [A, A], "color": 1}
    with warnings.catch_warnings(record=True, action="always") as seen:
        assert only(Policy.from_mapping, mapping).code == "unknown-option"
    assert seen == []


def test_warnings_point_at_the_caller(Policy: Any, tmp_path: Path) -> None:
    path = write(tmp_path, f"allow_origins = ['{A}', '{A}']")
    for load in (
        lambda: Policy.from_mapping({"allow_origins": [A, A]}),
        lambda: Policy.from_toml(path, ""),
        lambda: Policy.from_env(environ={"CORS_ALLOW_ORIGINS": f"{A} {A}"}),
    ):
        with pytest.warns(corsfast.CorsfastRedundancyWarning) as seen:
            load()
        assert seen[0].filename == __file__


@pytest.mark.parametrize("wrong", [None, 3, "allow_origins", [("allow_origins", [A])]])
def test_other_types_than_mappings_are_rejected(Policy: Any, wrong: Any) -> None:
    with pytest.raises(TypeError, match="mapping must be a mapping, not "):
        Policy.from_mapping(wrong)


# -- from TOML -------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [str, pathlib.PurePath])
def test_a_file_is_a_policy(Policy: Any, tmp_path: Path, kind: Any) -> None:
    path = write(tmp_path, TOML)
    for table in (None, ""):
        assert Policy.from_toml(kind(path), table) == Policy(**OPTIONS)
    assert Policy.from_toml(path=path, table=None) == Policy(**OPTIONS)


@pytest.mark.parametrize(
    ("header", "table"),
    [
        ("[tool.corsfast]", "tool.corsfast"),
        ("[cors]", "cors"),
        ('[tool."my.app".cors]', 'tool."my.app".cors'),
        ("[ tool . corsfast ]", "tool.corsfast"),
    ],
)
def test_a_table_of_a_file(Policy: Any, tmp_path: Path, header: str, table: str) -> None:
    path = write(tmp_path, f"[project]\nname = 'a'\n\n{header}\n{TOML}\n[other]\nx = 1\n")
    assert Policy.from_toml(path, table) == Policy(**OPTIONS)
    if table == "tool.corsfast":
        assert Policy.from_toml(path) == Policy(**OPTIONS)


def test_a_byte_order_mark_and_windows_lines(Policy: Any, tmp_path: Path) -> None:
    path = write(tmp_path, b"\xef\xbb\xbf" + TOML.replace("\n", "\r\n").encode())
    assert Policy.from_toml(path, None) == Policy(**OPTIONS)


PLACED = """\
[project]
name = "a"

[tool.corsfast]
# allow_origins = ["https://example.com/"]
allow_origins = [
    "https://app.example.com",
    "https://Example.com/",     # here

    { regex = 'https://.*example.com' }, { regex = '(' },
    "https://*.co.uk"
]
allow_credentials = "yes"
allow_methods = ["TRACE"]
"max_age" = -1
allow_origin = 1
"""


def test_problems_have_file_line_and_key(Policy: Any, tmp_path: Path) -> None:
    path = write(tmp_path, PLACED, "pyproject.toml")
    found = {problem.option: problem.code for problem in problems(Policy.from_toml, path)}
    key = "tool.corsfast."
    assert found == {
        f"{path}:8: {key}allow_origins[1]": "trailing-slash",
        f"{path}:10: {key}allow_origins[2]": "foreign-origin",
        f"{path}:10: {key}allow_origins[3]": "regex-syntax",
        f"{path}:11: {key}allow_origins[4]": "public-suffix",
        f"{path}:13: {key}allow_credentials": "type",
        f"{path}:14: {key}allow_methods[0]": "forbidden-method",
        f"{path}:15: {key}max_age": "out-of-range",
        f"{path}:16: {key}allow_origin": "unknown-option",
    }


def test_patterns_are_found_in_any_spelling(Policy: Any, tmp_path: Path) -> None:
    origins = [
        A,
        "http://pr-*.example.com",
        "http://b.example:[3000-3001,3002]",
        "http://*.x.example",
    ]
    path = write(tmp_path, f"allow_origins = {json.dumps(origins)}\nallow_credentials = true")
    found = problems(Policy.from_toml, path, None)
    assert [problem.code for problem in found] == ["insecure-origin"] * 3
    assert sorted(problem.option for problem in found) == [
        f"{path}:1: allow_origins[{number}]" for number in (1, 2, 3)
    ]


def test_hints_are_in_toml(Policy: Any, tmp_path: Path) -> None:
    path = write(tmp_path, PLACED)
    hints = {problem.code: problem.hint for problem in problems(Policy.from_toml, path)}
    assert hints["trailing-slash"] == '"https://example.com"'
    assert hints["foreign-origin"] == r"{ regex = 'https://(?:[a-z0-9-]+\.)*example\.com' }"
    assert hints["type"] == "true"


def test_files_reject_the_regex_form_of_variables(Policy: Any, tmp_path: Path) -> None:
    path = write(tmp_path, r"allow_origins = ['regex:https://a\.example']")
    problem = only(Policy.from_toml, path, None)
    assert problem.option == f"{path}:1: allow_origins[0]"
    assert problem.hint == r"{ regex = 'https://a\.example' }"


def test_the_error_names_the_file(Policy: Any, tmp_path: Path) -> None:
    path = write(tmp_path, "[tool.corsfast]\nallow_origins = ['https://a.example/']")
    with pytest.raises(PolicyError) as refused:
        Policy.from_toml(path)
    head, line = str(refused.value).splitlines()
    assert head == f"1 problem in {path} [tool.corsfast]:"
    assert line.startswith(f"  1. {path}:2: tool.corsfast.allow_origins[0]: 'https://a.example/' ")


TABLES = """
[project]
name = "a"
[tool.cors]
allow_origins = ["https://a.example"]
[tool.ruff.lint]
select = ["E"]
"""


@pytest.mark.parametrize(
    ("text", "table", "code", "place", "said", "hint"),
    [
        ("allow_origins = = 3", "", "not-toml", ":1", "(at line 1, column 17)", None),
        ("a = 1\na = 2\n", "", "not-toml", ":2", "overwrite", None),
        ("[a]\n[b]\n[a]", "", "not-toml", ":3", "twice", None),
        ("a = {", "", "not-toml", "", "at end of document", None),
        ('{"allow_origins": ["*"]}', None, "not-toml", "", "is JSON, not TOML",
         "Policy.from_mapping(json.load(file))"),
        (b"a = '\xff'", None, "encoding", ":1", "not UTF-8", None),
        (b"a = 1\nb = '\xff'", None, "encoding", ":2", "not UTF-8", None),
        ("a = 1\n".encode("utf-16"), None, "encoding", ":1", "not UTF-8", None),
        (TABLES, "tool.corsfast", "missing-table", "",
         "no [tool.corsfast]; the tables are [project], [tool.cors], [tool.ruff.lint].",
         "table='tool.cors'"),
        (TABLES, "projekt", "missing-table", "", "[project]", "table='tool.cors'"),
        ("[project]\na = 1", "projekt", "missing-table", "", "[project]", "table='project'"),
        ("", "tool.corsfast", "missing-table", "", "and no other table.", None),
        ("allow_origins = ['*']", "tool.corsfast", "missing-table", "", "no other table.",
         'table="" for the whole file'),
        ("".join(f"[t{i}]\na = 1\n" for i in range(20)), "x", "missing-table", "",
         "[t7] and 12 more", None),
        ("[[tool.corsfast]]\na = 1", "tool.corsfast", "type", "", "an array of tables", None),
        ("tool = 3", "tool", "type", "", "a table, not int", None),
        ("a = " + "[" * 100_000, "", "not-toml", "", "it is nested too deeply", None),
        ("a = " + "{a = " * 100_000, "", "not-toml", "", "it is nested too deeply", None),
        (f"a = 1\nb{'.b' * 100} = 1", "", "not-toml", ":2", "more than 100 parts", None),
        (f"[a{' . a' * 100}]", "", "not-toml", ":1", "more than 100 parts", None),
        ("a = { " + '"a".' * 100_000 + "a = 1 }", "", "not-toml", ":1", "MAX_KEY_PARTS", None),
        (f'a = ["""\n\' """, {{a{".a" * 100} = 1}}]', "", "not-toml", ":2", "MAX_KEY_PARTS", None),
    ],
)  # fmt: skip
def test_files_that_hold_no_policy(
    Policy: Any,
    tmp_path: Path,
    text: str | bytes,
    table: str | None,
    code: str,
    place: str,
    said: str,
    hint: str | None,
) -> None:
    path = write(tmp_path, text)
    problem = only(Policy.from_toml, path, table)
    assert (problem.code, problem.option) == (code, f"{path}{place}")
    assert said in problem.message
    assert problem.hint == hint


def test_dots_that_are_no_long_key_are_read(Policy: Any, tmp_path: Path) -> None:
    origins = [f"https://a{i}.b.example" for i in range(100)]
    dots = "x." * 200
    text = f'[a{".a" * 99}]\nb = \'{dots}\' # {dots}\nc = "\\"{dots}" # \'"{dots}\n'
    text += f'd = """\\"{dots}\n{dots}"" """" # \'\'\'\ne = \'\'\'{dots}\n"{dots}\'\'\'\'\n'
    path = write(tmp_path, f"{text}[tool.corsfast]\nallow_origins = {origins}\n")
    assert Policy.from_toml(path) == Policy(allow_origins=origins)


def test_a_file_that_is_missing_or_a_folder(Policy: Any, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as missing:
        Policy.from_toml(tmp_path / "none.toml")
    assert missing.value.filename == str(tmp_path / "none.toml")
    with pytest.raises(OSError, match=re.escape(str(tmp_path))):
        Policy.from_toml(tmp_path)


def test_a_file_that_is_too_large(Policy: Any, tmp_path: Path) -> None:
    path = tmp_path / "policy.toml"
    with path.open("wb") as file:
        file.truncate(MAX_POLICY_FILE + 1)
    problem = only(Policy.from_toml, path)
    assert (problem.code, problem.option) == ("too-large", str(path))


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="a device of POSIX")
def test_a_file_without_an_end(Policy: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MAX_POLICY_FILE", 1000)
    assert only(Policy.from_toml, "/dev/zero").code == "too-large"


@pytest.mark.parametrize(
    "table", ["a]\n[b", "a]\nb = 1", "[a]", "a..b", ".", "a b", "]", '"', "a."]
)
def test_invalid_table_names(Policy: Any, tmp_path: Path, table: str) -> None:
    with pytest.raises(ValueError, match="is not the name of one table"):
        Policy.from_toml(write(tmp_path, TOML), table)


def test_arguments_of_other_types(Policy: Any, tmp_path: Path) -> None:
    with pytest.raises(TypeError):
        Policy.from_toml(0)
    with pytest.raises(TypeError, match="table must be str or None, not list"):
        Policy.from_toml(write(tmp_path, TOML), ["tool"])
    with pytest.raises(TypeError, match="prefix must be str, not None"):
        Policy.from_env(None)
    with pytest.raises(TypeError, match="environ must be a mapping, not list"):
        Policy.from_env(environ=[])
    with pytest.raises(TypeError, match="CORS_MAX_AGE must be str, not int"):
        Policy.from_env(environ={"CORS_ALLOW_ORIGINS": "*", "CORS_MAX_AGE": 3})


# The lines of a key and of the entries of its list. None means that the line cannot be proven, so
# no line is given.
@pytest.mark.parametrize(
    ("text", "path", "lines"),
    [
        ("k = 1", [], [1]),
        ("\n\n'k' = [\n1\n,\n2\n]", [], [3, 4, 6]),
        ("k = [1, 2]", [], [1, 1, 1]),
        ("k = [1,\n 2, 3] # x", [], [1, 1, 2, 2]),
        ("k = [\n 1, # [\n # 2,\n 3,\n]", [], [1, 2, 4]),
        ('text = """\nk = 1\n"""\nk = 2', [], [4]),
        ("[a]\nk = 1\n[b]\nk = 2", ["b"], [4]),
        ("[a]\nk = 1\n[b]\nk = 2", ["a"], [2]),
        ("a.k = 1", ["a"], [1]),
        ("[a]\nb.k = 1", ["a", "b"], [2]),
        ("a = { k = [1] }", ["a"], [None]),
        ("xk = 1\nk = 2", [], [2]),
        ("x = 'k = 1'\nk = 2", [], [2]),
        ('k = [\n """\n 2,\n""",\n 2]', [], [1, 1, 1]),
        ("k = [\n [1,\n 2],\n 3]", [], [1, 1, 1]),
    ],
)  # fmt: skip
def test_lines(text: str, path: list[str], lines: list[int | None]) -> None:
    found = Lines(text, path)
    assert [found.line("k", i) for i in (None, *range(len(lines) - 1))] == lines


@given(
    st.lists(st.sampled_from(["'a'", '"]"', "{ regex = '=' }", "'#'", "'['"]), max_size=6),
    st.lists(st.sampled_from([",\n", " ,", ", # ]\n", ",\n\n", "\n,"]), min_size=6, max_size=6),
)
def test_lines_of_any_list(items: list[str], ends: list[str]) -> None:
    text = "[t]\nk = [\n"
    lines: list[int | None] = []
    for item, end in zip(items, ends, strict=False):
        lines.append(text.count("\n") + 1)
        text += item + end
    found = Lines(text + "]\nother = 1", ["t"])
    assert [found.line("k", i) for i in range(len(items))] == lines


# -- from the environment --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "origins"),
    [
        (A, [A]),
        (f"{A},https://b.example", [A, "https://b.example"]),
        (f" {A} ,\n\thttps://b.example, ", [A, "https://b.example"]),
        (f"{A} https://b.example", [A, "https://b.example"]),
        (f'["{A}", "https://b.example"]', [A, "https://b.example"]),
        ("*", ["*"]),
        ('["*"]', ["*"]),
        ("http://localhost:[3000,8000-8099],null", ["http://localhost:[3000,8000-8099]", "null"]),
        ("http://[::1]:3000,https://b.example", ["http://[::1]:3000", "https://b.example"]),
        (r"regex:https://pr-\d+\.example\.com", [PR]),
        (rf"{A},regex:https://pr-\d+\.example\.com", [A, PR]),
        (r"regex:https://[a-z]{1,3}\.example\.com https://b.example",
         [re.compile(r"https://[a-z]{1,3}\.example\.com"), "https://b.example"]),
        (r"regex:https://[a,b]\.example\.com", [re.compile(r"https://[a,b]\.example\.com")]),
        (r'["regex:https://(a|b)\\.example\\.com"]', [re.compile(r"https://(a|b)\.example\.com")]),
        (r'[{"regex": "https://(dev|stage)[.]example[.]com", "within": ["example.com"]}]',
         [STAGES]),
    ],
)  # fmt: skip
def test_origins_of_the_environment(Policy: Any, text: str, origins: list[Any]) -> None:
    policy = Policy.from_env(environ={"CORS_ALLOW_ORIGINS": text, "PATH": "/usr/bin"})
    assert type(policy) is Policy
    assert policy == Policy(allow_origins=origins)


@pytest.mark.parametrize(
    ("option", "text", "value"),
    [
        ("allow_methods", "PUT, DELETE", ["PUT", "DELETE"]),
        ("allow_methods", '["PUT"]', ["PUT"]),
        ("allow_methods", "[]", []),
        ("allow_methods", "*", ["*"]),
        ("allow_headers", "X-A X-B", ["X-A", "X-B"]),
        ("expose_headers", "X-A,X-B", ["X-A", "X-B"]),
        *(("allow_credentials", text, True) for text in ("true", "TRUE", "1", "yes", " on ")),
        *(("allow_credentials", text, False) for text in ("false", "False", "0", "no", "off")),
        ("timing_allow_origin", "on", True),
        ("max_age", "60", 60),
        ("max_age", " 0 ", 0),
        ("max_age", "none", None),
        ("max_age", "None", None),
        ("preflight_status", "200", 200),
        ("existing", "keep", "keep"),
        ("dangerously_tolerate", "insecure-origin,public-suffix",
         ["insecure-origin", "public-suffix"]),
    ],
)  # fmt: skip
def test_options_of_the_environment(Policy: Any, option: str, text: str, value: object) -> None:
    environ = {"CORS_ALLOW_ORIGINS": A, f"CORS_{option.upper()}": text}
    assert Policy.from_env(environ=environ) == Policy(**{"allow_origins": [A], option: value})


def test_the_environment_of_the_process(Policy: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.upper().startswith(("CORS_", "SHOP_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("SHOP_CORS_ALLOW_ORIGINS", A)
    assert Policy.from_env("SHOP_CORS_") == Policy(allow_origins=[A])
    assert only(Policy.from_env).code == "missing"
    assert Policy.from_env("", {"ALLOW_ORIGINS": A, "HOME": "/"}) == Policy(allow_origins=[A])


@pytest.mark.parametrize(
    ("environ", "code", "option", "hint"),
    [
        ({"CORS_ALLOW_ORIGINS": ""}, "empty", "CORS_ALLOW_ORIGINS",
         "origins, such as https://app.example.com"),
        ({"CORS_ALLOW_ORIGINS": "  "}, "empty", "CORS_ALLOW_ORIGINS",
         "origins, such as https://app.example.com"),
        ({}, "missing", "CORS_ALLOW_ORIGINS", None),
        ({"CORS_ALLOW_METHODS": ""}, "empty", "CORS_ALLOW_METHODS", "[]"),
        ({"CORS_ALLOW_CREDENTIALS": ""}, "empty", "CORS_ALLOW_CREDENTIALS", "true or false"),
        ({"CORS_ALLOW_ORIGINS": "regex:"}, "regex-syntax", "CORS_ALLOW_ORIGINS", None),
        ({"CORS_ALLOW_CREDENTIALS": "maybe"}, "choice", "CORS_ALLOW_CREDENTIALS", "true or false"),
        ({"CORS_ALLOW_CREDENTIALS": "2"}, "choice", "CORS_ALLOW_CREDENTIALS", "true or false"),
        ({"CORS_MAX_AGE": "1h"}, "type", "CORS_MAX_AGE", "a number of seconds or none"),
        ({"CORS_MAX_AGE": "6e2"}, "type", "CORS_MAX_AGE", "a number of seconds or none"),
        ({"CORS_MAX_AGE": "9" * 9999}, "type", "CORS_MAX_AGE", "a number of seconds or none"),
        ({"CORS_MAX_AGE": "-1"}, "out-of-range", "CORS_MAX_AGE", "0 (do not cache)"),
        ({"CORS_PREFLIGHT_STATUS": "none"}, "type", "CORS_PREFLIGHT_STATUS", "204"),
        ({"CORS_EXISTING": "keeps"}, "choice", "CORS_EXISTING", "replace"),
        ({"CORS_ALLOW_ORIGINS": f'["{A}", null]'}, "type", "CORS_ALLOW_ORIGINS", None),
        ({"CORS_ALLOW_ORIGINS": f"[{A}]"}, "not-json", "CORS_ALLOW_ORIGINS", A),
        ({"CORS_ALLOW_ORIGINS": f"['{A}', '*']"}, "not-json", "CORS_ALLOW_ORIGINS", f"{A},*"),
        ({"CORS_ALLOW_METHODS": "[PUT, DELETE]"}, "not-json", "CORS_ALLOW_METHODS", "PUT,DELETE"),
        ({"CORS_ALLOW_METHODS": "[" * 100_000}, "not-json", "CORS_ALLOW_METHODS",
         None),
        ({"CORS_ALLOW_ORIGINS": f"{A}/"}, "trailing-slash", "CORS_ALLOW_ORIGINS", A),
        ({"CORS_ALLOW_ORIGINS": "regex:https://app.example.com"}, "foreign-origin",
         "CORS_ALLOW_ORIGINS", r"regex:https://app\.example\.com"),
        ({"CORS_ALLOW_ORIGINS": r"https://pr-\d+\.example\.com"}, "looks-like-regex",
         "CORS_ALLOW_ORIGINS", r"regex:https://pr-\d+\.example\.com"),
        # Quotes reach a program from files that no shell parses, such as `docker --env-file`.
        ({"CORS_ALLOW_ORIGINS": '"*"'}, "quotes", "CORS_ALLOW_ORIGINS", "*"),
        ({"CORS_ALLOW_ORIGINS": f'"{A},https://b.example"'}, "quotes", "CORS_ALLOW_ORIGINS",
         f"{A},https://b.example"),
        ({"CORS_ALLOW_ORIGINS": f"'{A}', 'https://b.example'"}, "quotes", "CORS_ALLOW_ORIGINS",
         f"{A},https://b.example"),
        ({"CORS_ALLOW_ORIGINS": '""'}, "empty", "CORS_ALLOW_ORIGINS",
         "origins, such as https://app.example.com"),
        ({"CORS_ALLOW_CREDENTIALS": '"true"'}, "quotes", "CORS_ALLOW_CREDENTIALS", "true"),
        *(({"CORS_ALLOW_ORIGINS": f"{start}https://pr-\\d+\\.example\\.com{end}"},
           "looks-like-regex", "CORS_ALLOW_ORIGINS", r"regex:https://pr-\d+\.example\.com")
          for start, end in (("re:", ""), ("REGEX:", ""), ("regexp=", ""), ("~", ""), ("/", "/"))),
        # Typos, and the names that other software uses for the options.
        ({"CORS_ALLOW_ORIGIN": A}, "unknown-option", "CORS_ALLOW_ORIGIN", "CORS_ALLOW_ORIGINS"),
        ({"CORS_ALLOWED_ORIGINS": A}, "unknown-option", "CORS_ALLOWED_ORIGINS",
         "CORS_ALLOW_ORIGINS"),
        ({"CORS_ORIGIN": A}, "unknown-option", "CORS_ORIGIN", "CORS_ALLOW_ORIGINS"),
        ({"cors_allow_origins": A}, "unknown-option", "cors_allow_origins", "CORS_ALLOW_ORIGINS"),
        ({"CORS_ALLOW_ALL_ORIGINS": "1"}, "unknown-option", "CORS_ALLOW_ALL_ORIGINS",
         "CORS_ALLOW_ORIGINS"),
        ({"CORS_ALLOW_ORIGIN_REGEX": "x"}, "unknown-option", "CORS_ALLOW_ORIGIN_REGEX",
         "CORS_ALLOW_ORIGINS with an item that begins with regex:"),
        ({"CORS_MAXAGE": "1"}, "unknown-option", "CORS_MAXAGE", "CORS_MAX_AGE"),
        ({"CORS_ALLOW_CREDENTIAL": "1"}, "unknown-option", "CORS_ALLOW_CREDENTIAL",
         "CORS_ALLOW_CREDENTIALS"),
        ({"CORS_ALLOW_PRIVATE_NETWORK": "1"}, "unknown-option", "CORS_ALLOW_PRIVATE_NETWORK",
         None),
    ],
)  # fmt: skip
def test_problems_of_the_environment(
    Policy: Any, environ: dict[str, str], code: str, option: str, hint: str | None
) -> None:
    about_origins = not environ or "ORIGIN" in option.upper()
    given = environ if about_origins else {"CORS_ALLOW_ORIGINS": A, **environ}
    problem = only(Policy.from_env, environ=given)
    assert (problem.code, problem.option, problem.hint) == (code, option, hint)


def test_the_value_of_a_foreign_variable_is_not_shown(Policy: Any) -> None:
    environ = {"CORS_ALLOW_ORIGINS": A, "CORS_ORIGINS": "secret", "CORS_PROXY_URL": "secret"}
    with pytest.raises(PolicyError) as refused:
        Policy.from_env(environ=environ)
    assert "secret" not in str(refused.value) + repr(refused.value.problems)


def test_a_foreign_variable_is_a_warning(Policy: Any) -> None:
    environ = {"CORS_ALLOW_ORIGINS": A, "CORS_PROXY_URL": "x", "OTHER": "y"}
    with pytest.warns(CorsfastUnmatchableWarning, match=r"^CORS_PROXY_URL: .*no effect") as seen:
        policy = Policy.from_env(environ=environ)
    assert policy == Policy(allow_origins=[A])
    assert [warning.filename for warning in seen] == [__file__]


def test_a_regex_cut_in_two_gets_advice(Policy: Any) -> None:
    environ = {"CORS_ALLOW_ORIGINS": r"regex:https://(a|b,c)\.example\.com"}
    first, second = problems(Policy.from_env, environ=environ)
    assert "in a JSON list" in first.message
    assert second.code == "looks-like-regex"
    environ = {"CORS_ALLOW_ORIGINS": '["regex:("]'}
    assert "JSON" not in only(Policy.from_env, environ=environ).message


def test_risks_of_the_environment_are_accepted_there(Policy: Any) -> None:
    environ = {"CORS_ALLOW_ORIGINS": "https://*.vercel.app"}
    text = str(only(Policy.from_env, environ=environ))
    name, value = re.search(r"(?:Or|To) accept it: (\w+)=(\S+)\.", text).groups()  # type: ignore[union-attr]
    with pytest.warns(corsfast.CorsfastSecurityWarning):
        Policy.from_env(environ={**environ, name: value})


@given(st.lists(st.text("a,[]{} \t\n*:/.-", max_size=12), max_size=5))
def test_splitting_loses_no_characters(texts: list[str]) -> None:
    items = split_items(", ".join(texts))
    assert all(items)
    assert re.sub(r"[\s,]", "", "".join(items)) == re.sub(r"[\s,]", "", "".join(texts))


def test_separators_alone_take_no_time() -> None:
    for text in ("," * 10**6, "[" * 10**6, "{[" * 10**5 + "," * 10**5, "[," * 10**5):
        split_items(text)


@given(st.text("ab,. []{}()\\|\"'", min_size=1, max_size=12))
def test_a_proposed_regex_can_be_pasted_into_the_environment(pattern: str) -> None:
    text = in_env(pattern)
    items = json.loads(text) if text.startswith("[") else split_items(text)
    assert items == [f"regex:{pattern}"]


# -- proposals -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hint", "toml", "in_json", "env"),
    [
        ("'https://a.example'", '"https://a.example"', '"https://a.example"', "https://a.example"),
        ("'X-A', 'X-B'", '"X-A", "X-B"', '"X-A", "X-B"', "X-A, X-B"),
        ("['X-A', 'X-B']", '["X-A", "X-B"]', '["X-A", "X-B"]', "X-A,X-B"),
        ("[]", "[]", "[]", "[]"),
        ("None", '"none"', "null", "none"),
        ("True", "true", "true", "true"),
        ("True or False", *["true or false"] * 3),
        ("204", "204", "204", "204"),
        ("re.compile(r'a\\.b')", "{ regex = 'a\\.b' }", '{"regex": "a\\\\.b"}', "regex:a\\.b"),
        ("re.compile('a', re.IGNORECASE|re.DOTALL)", "{ regex = '(?is)a' }",
         '{"regex": "(?is)a"}', "regex:(?is)a"),
        ("re.compile('(?i)a', re.IGNORECASE)", "{ regex = '(?i)a' }", '{"regex": "(?i)a"}',
         "regex:(?i)a"),
        ("within(re.compile('a'), 'b.example')", "{ regex = 'a', within = [\"b.example\"] }",
         '{"regex": "a", "within": ["b.example"]}',
         '[{"regex": "a", "within": ["b.example"]}]'),
        ("0 (do not cache)", *["0 (do not cache)"] * 3),
        ("allow_origins", *["allow_origins"] * 3),
        ("the names, one by one", *["the names, one by one"] * 3),
    ],
)  # fmt: skip
def test_hints_in_each_language(hint: str, toml: str, in_json: str, env: str) -> None:
    assert respell(hint, "python") == hint
    assert [respell(hint, kind) for kind in ("toml", "json", "env")] == [toml, in_json, env]
    assert respell(None, "toml") is None


# -- the command -----------------------------------------------------------------------------


def checked(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, Any]]:
    status = main(["check", "--json", *arguments])
    return status, json.loads(capsys.readouterr().out)


def test_check_finds_the_problems_of_the_loader(
    Policy: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path, PLACED)
    status, answer = checked(capsys, str(path))
    found = sorted(problem["code"] for problem in answer["problems"])
    assert status == 1
    assert found == sorted(problem.code for problem in problems(Policy.from_toml, path))


def test_check_reads_a_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(write(tmp_path, f"[cors]\n{TOML}"))
    assert checked(capsys, path)[0] == 1  # `cors` is not an option
    status, answer = checked(capsys, path, "--table", "cors")
    assert (status, answer["source"]) == (0, f"{path} [cors]")
    # [tool.corsfast] is found in any file.
    path = str(write(tmp_path, f"[tool.corsfast]\n{TOML}"))
    assert checked(capsys, path)[0] == 0
    path = str(write(tmp_path, json.dumps({"cors": {"allow_origins": [A]}}), "policy.json"))
    assert checked(capsys, path, "--table", "cors")[0] == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("policy.toml", "--table", "nothing"), "there is no [nothing]"),
        (("policy.toml", "--table", "a..b"), "--table: 'a..b' is not the name of one table"),
        (("--table", "cors", "--allow-origins", "*"), "--table needs FILE"),
        (("policy.toml", "--env"), "FILE and --env are two policies"),
        (("--env", "policy.toml"), "FILE and --env are two policies"),
        (("--env", "--allow-origins", "*"), "cannot be combined with --env"),
        (("twice.json",), "the key 'allow_origins' appears twice"),
        (("json.toml",), "the file is JSON, not TOML"),
        (("latin.toml",), "latin.toml:1: the file is not UTF-8"),
        (("folder.toml",), "folder.toml: "),
    ],
)
def test_check_cannot_read(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path, TOML)
    write(tmp_path, '{"allow_origins": [], "allow_origins": ["*"]}', "twice.json")
    write(tmp_path, '{"allow_origins": []}', "json.toml")
    write(tmp_path, b"a = '\xe9'", "latin.toml")
    (tmp_path / "folder.toml").mkdir()
    assert main(["check", *arguments]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert said in printed.err


def test_check_reads_the_environment(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SHOP_ALLOW_ORIGINS", f"{A} regex:https://app.example.com")
    monkeypatch.setenv("SHOP_MAX_AGE", "soon")
    monkeypatch.setenv("SHOP_NAME", "a shop")
    status, answer = checked(capsys, "--env", "SHOP_")
    assert status == 1
    assert answer["source"] == "--env SHOP_"
    assert [(found["option"], found["write"]) for found in answer["problems"]] == [
        ("SHOP_ALLOW_ORIGINS", r"regex:https://app\.example\.com"),
        ("SHOP_MAX_AGE", "a number of seconds or none"),
    ]
    assert [found["option"] for found in answer["warnings"]] == ["SHOP_ALLOW_ORIGINS", "SHOP_NAME"]
    monkeypatch.setenv("SHOP_ALLOW_ORIGINS", "")
    _, answer = checked(capsys, "--env", "SHOP_")
    assert answer["problems"][0]["option"] == "SHOP_ALLOW_ORIGINS"


def test_every_option_has_a_variable() -> None:
    from corsfast._loading import environment

    known = {*environment.LISTS, *environment.FLAGS, *environment.NUMBERS, "existing"}
    assert known == set(Spec.OPTIONS)


# -- the documents ---------------------------------------------------------------------------

PAGE = Path(__file__).parents[2] / "docs" / "loading.md"


def blocks(language: str) -> list[str]:
    return re.findall(
        rf"^```{language}\n(.*?)^```$", PAGE.read_text("utf-8"), re.DOTALL | re.MULTILINE
    )


def test_the_examples_of_the_page_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (toml,) = blocks("toml")
    write(tmp_path, toml, "pyproject.toml")
    write(tmp_path, toml.replace("[tool.corsfast]", ""))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CORS_ALLOW_ORIGINS", A)
    for block in blocks("python"):
        exec(block, {})


def test_the_variables_of_the_page_are_read(Policy: Any) -> None:
    lines = [line for block in blocks("sh") for line in block.splitlines()]
    assert len(lines) == 5
    for line in lines:
        ((name, text),) = (part.split("=", 1) for part in shlex.split(line))
        Policy.from_env(environ={"CORS_ALLOW_ORIGINS": A, name: text})
    for option in Spec.OPTIONS:
        assert f"`CORS_{option.upper()}`" in PAGE.read_text("utf-8")


def test_the_error_of_the_page_is_the_one_that_is_raised(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write(
        tmp_path,
        PLACED.replace("{ regex", "# { regex")
        .replace('"https://*.co.uk"', "")
        .partition("allow_credentials")[0],
        "pyproject.toml",
    )
    with pytest.raises(PolicyError) as refused:
        corsfast.Policy.from_toml("pyproject.toml")
    assert f"corsfast.errors.PolicyError: {refused.value}\n" in blocks("text")


@pytest.mark.parametrize("text", ["x{} = 1\n", "y{} = 'x =' # x =\n"])
def test_lines_of_many_keys_are_not_searched(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each place is verified by parsing the text before it, so many would take quadratic time."""
    parsed: list[int] = []
    value = lines._value
    monkeypatch.setattr(lines, "_value", lambda t, p: parsed.append(1) or value(t, p))
    found = lines.Lines("".join(text.format(i) for i in range(1000)), [])
    for i in range(1000):
        found.line(f"x{i}", None)
    assert sum(parsed) <= 5 * lines.MAX_PLACES
