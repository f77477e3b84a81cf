"""Write a policy for Cloudflare Workers: a module that decides in front of the origin server."""

from __future__ import annotations

import json
from string import Template

from ._model import Echo, headed, read

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .._engine.select import Policy
    from ._model import Model, Test

_MODULE = """\
// Deploy this module as a Worker on the routes of the API. It passes requests on with fetch().
const STAR = $star;
const EXACT = new Set($exact);
const PATTERNS = $patterns.map(full);
const ORIGIN = $origin;
const METHOD = $method;
const NAMES = $names;
const ACTUAL = $actual;
const PREFLIGHT = $preflight;
const ACTUAL_VARY = $actual_vary;
const PREFLIGHT_VARY = $preflight_vary;
const PREFLIGHT_STATUS = $preflight_status;
const REPLACED = $replaced;

function full(regex) {
  return new RegExp(`^(?:$${regex})$$`);
}

function test(regex, ...unless) {
  const accepted = full(regex);
  const refused = unless.map((each) => new RegExp(each));
  return (value) => accepted.test(value) && !refused.some((each) => each.test(value));
}

function allows(origin) {
  return EXACT.has(origin) || (ORIGIN(origin) && PATTERNS.some((each) => each.test(origin)));
}

// The value of Access-Control-Allow-Origin, or null.
function granted(origin) {
  if (STAR) return "*";
  return origin !== null && allows(origin) ? origin : null;
}

function add(headers, fields, vary, values) {
  for (const [name, value] of fields) {
    const sent = typeof value === "string" ? value : values[value.sent];
    if (sent) headers.set(name, sent);
  }
  if (vary) headers.append("Vary", vary);
}

function preflight(origin, method, names) {
  const headers = new Headers();
  const allowed = granted(origin);
  if (allowed === null || !METHOD(method) || !NAMES(names)) {
    add(headers, [], PREFLIGHT_VARY);
    return new Response(null, { status: 403, headers });
  }
  add(headers, PREFLIGHT, PREFLIGHT_VARY, { origin: allowed, method, names });
  return new Response(null, { status: PREFLIGHT_STATUS, headers });
}

export default {
  async fetch(request) {
    const origin = request.headers.get("Origin");
    const method = request.headers.get("Access-Control-Request-Method");
    if (request.method === "OPTIONS" && origin !== null && method !== null) {
      return preflight(origin, method, request.headers.get("Access-Control-Request-Headers") ?? "");
    }
    let answer;
    try {
      answer = await fetch(request);
    } catch {
      answer = new Response(null, { status: 502 });
    }
    if (answer.status === 101) return answer;
    const response = new Response(answer.body, answer);
    for (const name of REPLACED) response.headers.delete(name);
    const allowed = granted(origin);
    add(response.headers, allowed === null ? [] : ACTUAL, ACTUAL_VARY, { origin: allowed });
    return response;
  },
};
"""


def to_cloudflare_worker(policy: Policy) -> str:
    """Return a JavaScript module for Cloudflare Workers; see docs/export.md."""
    model = read(policy, "cloudflare-worker", backtracking=True)
    text = Template(_MODULE).substitute(_values(model))
    return headed(policy, "cloudflare-worker", text, "//")


def _values(model: Model) -> dict[str, str]:
    tests = {name: getattr(model, name) for name in ("origin", "method", "names")}
    patterns = [each.regex for each in model.patterns]
    values = model._asdict() | {"patterns": patterns}
    return {
        name: _test(tests[name]) if name in tests else json.dumps(value, default=_echo)
        for name, value in values.items()
    }


def _echo(value: Echo) -> dict[str, str]:
    return {"sent": value.name.lower()}


def _test(test: Test) -> str:
    return f"test({', '.join(map(json.dumps, (test.full, *test.unless)))})"
