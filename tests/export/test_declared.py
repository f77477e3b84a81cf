"""The targets that are only declared decide like the policy, by their documentation and schemas."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from random import Random
from typing import Any

import botocore.session
import pytest
import yaml
from botocore.validate import ParamValidator
from export.compared import (
    browser_pairs,
    policy_of,
    random_options,
    reference,
    seen_by_browser,
)
from export.declared import DECLARED

import corsfast
from corsfast.__main__ import main
from corsfast._loading.written import Written, read_options
from corsfast.export import TARGETS, ExportError

POLICIES, PAIRS = (5, 20) if "QUICK" in os.environ else (200, 40)


def exported(target: str, number: int) -> tuple[corsfast.Policy, str]:
    """Return a random policy, or the nearest one that the target can express, and its export."""
    random = Random(f"{target}/{number}")
    for _ in range(1000):
        policy = policy_of(random_options(random))
        if policy is None:
            continue
        try:
            return policy, TARGETS[target](policy)
        except ExportError as error:
            if error.nearest is None:
                continue
            nearest = policy_of(dict(error.nearest))
            assert nearest is not None
            assert policy.diff(nearest).verdict in ("same", "narrower")
            return nearest, TARGETS[target](nearest)
    raise AssertionError("no policy can be expressed")


@pytest.mark.parametrize("target", DECLARED)
def test_pages_see_the_same(target: str) -> None:
    wrong, allowed = [], 0
    for number in range(POLICIES):
        policy, text = exported(target, number)
        random = Random(number)
        for origin, engine, fetched in browser_pairs(random, policy, PAIRS):
            wanted = seen_by_browser(reference(policy), origin, engine, fetched)
            got = seen_by_browser(DECLARED[target](text), origin, engine, fetched)
            allowed += wanted != ("refused",)
            if got != wanted:
                wrong.append(f"{policy} {origin} {engine} {fetched}: {got} instead of {wanted}")
    assert not wrong, "\n".join(wrong[:10])
    assert allowed > POLICIES


@pytest.mark.parametrize("target", ["envoy", "gateway-api"])
def test_what_is_exported_is_imported_again(
    target: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "given.yaml"
    for number in range(POLICIES // 2):
        policy, text = exported(target, number)
        if target == "envoy" and "*" in policy.options()["allow_headers"]:
            continue  # another filter refuses Authorization
        if target == "gateway-api":
            rules = [{"filters": [yaml.safe_load(text)]}]
            text = json.dumps({"kind": "HTTPRoute", "spec": {"rules": rules}})
        file.write_text(text)
        main(["import", "--from", target, str(file), "--json"])
        (found,) = json.loads(capsys.readouterr().out)["policies"]
        again = policy_of(read_options(found["options"], Written("")).options)
        assert again is not None
        assert policy.diff(again).verdict == "same", text


# -- schemas -----------------------------------------------------------------------------------

# The package has the types of the resource, but no rules between values and no sets.
VALIDATE = """
import { HTTPRoute } from "@kubernetes-models/gateway-api/gateway.networking.k8s.io/v1/HTTPRoute";
import { readFileSync } from "node:fs";
for (const filter of JSON.parse(readFileSync(0)))
  new HTTPRoute({ spec: { rules: [{ filters: [filter] }] } }).validate();
"""


def validate(filters: list[Any]) -> subprocess.CompletedProcess[str]:
    """Validate filters of an HTTPRoute; the package is in the environment of scripts/test-export"""
    return subprocess.run(
        ["node", "--input-type=module", "--eval", VALIDATE],
        input=json.dumps(filters),
        capture_output=True,
        text=True,
        cwd=sys.prefix,
        timeout=120,
    )


def test_filters_keep_the_limits_of_the_resource() -> None:
    filters = [yaml.safe_load(exported("gateway-api", number)[1]) for number in range(POLICIES)]
    done = validate(filters)
    assert done.returncode == 0, done.stderr
    for given in filters:
        assert given["type"] == "CORS"
        for values in given["cors"].values():
            if isinstance(values, list):
                assert len(values) == len(set(values))
                assert values == ["*"] or "*" not in values


def test_a_filter_outside_the_limits_is_found() -> None:
    origins = [f"https://a.example:{port}" for port in range(1, 66)]
    filters = [{"type": "CORS", "cors": {"allowOrigins": origins}}]
    assert "must NOT have more than 64 items" in validate(filters).stderr


@pytest.mark.parametrize(
    ("target", "service", "operation", "more"),
    [
        ("s3", "s3", "PutBucketCors", {"Bucket": "b"}),
        ("aws-api-gateway", "apigatewayv2", "UpdateApi", {"ApiId": "a"}),
    ],
)
def test_parameters_are_those_of_aws(
    target: str, service: str, operation: str, more: dict[str, Any]
) -> None:
    model = botocore.session.get_session().get_service_model(service)
    shape = model.operation_model(operation).input_shape
    for number in range(POLICIES):
        given = yaml.safe_load(exported(target, number)[1])
        if target == "s3":
            (rule,) = given["CORSRules"]
            assert len(rule["ID"]) <= 255
            given = {"CORSConfiguration": given}
        report = ParamValidator().validate(given | more, shape)
        assert not report.has_errors(), report.generate_report()
