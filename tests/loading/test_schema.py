"""The JSON Schema and the loader agree about the form of a policy file.

Marked `server` because wheel builds do not have jsonschema.
"""

from __future__ import annotations

import json
import warnings
from typing import Any

import pytest
from corpus import case_id, rows

from corsfast import Policy, PolicyError
from corsfast._cli.check import judge
from corsfast._loading.schema import schema_text
from corsfast._options import limits
from corsfast._options.spec import Spec
from corsfast.errors import RISKS

pytestmark = pytest.mark.server

APP = "https://app.example.com"
# The codes of problems that a schema finds. All others need the grammar of origins, or a proof.
FORM = judge.FORM | {"scheme-missing", "trailing-slash"}
# (options besides allow_origins, whether they are accepted)
CASES: list[tuple[dict[str, Any], bool]] = [
    ({}, True),
    ({"allow_origins": "*"}, True),
    ({"allow_origins": []}, True),
    ({"allow_origins": APP}, False),
    ({"allow_origins": [APP, "null", "app://.", "http://[fd00::]/8:3000"]}, True),
    ({"allow_origins": ["app.example.com"]}, False),
    ({"allow_origins": [f"{APP}/"]}, False),
    ({"allow_origins": [1]}, False),
    ({"allow_origins": [None]}, False),
    ({"allow_origins": [{"regex": r"https://a\.example"}]}, True),
    ({"allow_origins": [{"regex": r"https://a\.example", "within": ["a.example"]}]}, True),
    ({"allow_origins": [{"regex": r"https://a\.example", "within": "a.example"}]}, False),
    ({"allow_origins": [{"regex": r"https://a\.example", "flags": "i"}]}, False),
    ({"allow_origins": [{"regex": 1}]}, False),
    ({"allow_origins": [{}]}, False),
    ({"allow_methods": ["PUT"]}, True),
    ({"allow_methods": "*"}, True),
    ({"allow_methods": ["*"]}, True),
    ({"allow_methods": "PUT"}, False),
    ({"allow_methods": ["P UT"]}, False),
    ({"allow_methods": ["M" * limits.MAX_METHOD]}, True),
    ({"allow_methods": ["M" * (limits.MAX_METHOD + 1)]}, False),
    ({"allow_headers": ["X-A", "*", "Authorization"]}, True),
    ({"allow_headers": ["x" * limits.MAX_HEADER_NAME]}, True),
    ({"allow_headers": ["x" * (limits.MAX_HEADER_NAME + 1)]}, False),
    ({"allow_headers": ["X-A, X-B"]}, False),
    ({"expose_headers": ["X-A"]}, True),
    ({"expose_headers": "*"}, True),
    ({"expose_headers": [True]}, False),
    ({"allow_credentials": True}, True),
    ({"allow_credentials": "true"}, False),
    ({"allow_credentials": 1}, False),
    ({"max_age": 0}, True),
    ({"max_age": limits.MAX_MAX_AGE}, True),
    ({"max_age": limits.MAX_MAX_AGE + 1}, False),
    ({"max_age": -1}, False),
    ({"max_age": "none"}, True),
    ({"max_age": None}, True),
    ({"max_age": "600"}, False),
    ({"max_age": True}, False),
    ({"preflight_status": 299}, True),
    ({"preflight_status": 300}, False),
    ({"preflight_status": 199}, False),
    ({"existing": "keep"}, True),
    ({"existing": "merge"}, False),
    ({"timing_allow_origin": True}, True),
    ({"timing_allow_origin": "*"}, False),
    ({"dangerously_tolerate": [*RISKS]}, True),
    ({"dangerously_tolerate": ["all"]}, False),
    ({"allow_origin": [APP]}, False),
]


@pytest.fixture(scope="module")
def schema() -> Any:
    from jsonschema import Draft202012Validator

    tree = json.loads(schema_text())
    Draft202012Validator.check_schema(tree)
    return Draft202012Validator(tree)


def codes(options: dict[str, Any]) -> set[str]:
    """Return the codes of the problems that the loader finds."""
    try:
        with warnings.catch_warnings(action="ignore"):
            Policy.from_mapping(options)
    except PolicyError as error:
        return {problem.code for problem in error.problems}
    return set()


@pytest.mark.parametrize(("given", "accepted"), CASES, ids=str)
def test_schema_and_loader_agree(schema: Any, given: dict[str, Any], accepted: bool) -> None:
    options = {"allow_origins": [APP]} | given
    assert schema.is_valid(options) is accepted
    assert (not codes(options)) is accepted


def test_origins_are_required(schema: Any) -> None:
    assert not schema.is_valid({})
    assert codes({}) == {"missing"}


@pytest.mark.parametrize("case", rows("config.jsonl"), ids=case_id)
def test_every_configuration_of_the_corpus(schema: Any, case: dict[str, Any]) -> None:
    options = case["options"]
    found = codes(options)
    if not found:
        assert schema.is_valid(options)
    # To a schema, 600.0 is an integer.
    elif found & FORM and not any(isinstance(value, float) for value in options.values()):
        assert not schema.is_valid(options)


@pytest.mark.parametrize("case", rows("patterns.jsonl"), ids=case_id)
def test_every_pattern_of_the_corpus(schema: Any, case: dict[str, Any]) -> None:
    for pattern in case["patterns"]:
        options = {"allow_origins": [pattern]}
        assert schema.is_valid(options) or codes(options)


def test_the_schema_has_all_options_and_limits(schema: Any) -> None:
    properties = schema.schema["properties"]
    assert tuple(properties) == Spec.OPTIONS
    assert tuple(properties["dangerously_tolerate"]["items"]["enum"]) == RISKS
    kinds = schema.schema["$defs"]
    assert kinds["regex"]["properties"]["regex"]["maxLength"] == limits.MAX_REGEX
    assert kinds["origin"]["maxLength"] == limits.MAX_PATTERN
    defaults = Policy(allow_origins=()).options()
    for name, told in properties.items():
        if "default" in told:
            assert told["default"] == defaults[name]  # type: ignore[literal-required]
