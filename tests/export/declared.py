"""The targets that are only declared: what their documentation says, over an application.

Each function reads an exported text and returns a function that answers requests like the product.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import yaml
from export.proxies import BODY, FIELDS, OWN, status_of

from corsfast.testing import RawResponse, Request

Fields = dict[str, str]
Answer = Callable[[Request], RawResponse]
CORS = "access-control-"


def answer(
    request: Request, allowed: str | None, preflight: Fields, actual: Fields, *, keeps: bool
) -> RawResponse:
    """Return the response to a request.

    Args:
        allowed: the value of Access-Control-Allow-Origin, if the origin is allowed.
        keeps: whether headers of the application stay in the response to another origin.
    """
    origin, method = (request.get(f"{name}") for name in ("Origin", f"{CORS}request-method"))
    asked = request.method == "OPTIONS" and origin is not None and method is not None
    fields = {} if allowed is None else {f"{CORS}allow-origin": allowed}
    if asked:
        fields |= preflight if allowed is not None else {}
        return RawResponse(200, tuple(fields.items()))
    fields |= actual if allowed is not None else {}
    own = [] if allowed is not None or not keeps else OWN
    body = b"" if request.method == "HEAD" else BODY
    return RawResponse(status_of(request.url), (*FIELDS, *own, *fields.items()), body)


def listed(values: list[str], separator: str = ", ") -> str:
    return separator.join(values)


def gateway_api(text: str) -> Answer:
    cors = yaml.safe_load(text)["cors"]
    origins, credentials = cors["allowOrigins"], cors["allowCredentials"]
    patterns = [re.compile(re.escape(each).replace(r"\*", ".*")) for each in origins]

    def echoed(key: str, asked: str | None) -> str | None:
        values = cors.get(key, [])
        return asked if values == ["*"] and credentials else listed(values)

    def send(request: Request) -> RawResponse:
        origin = request.get("Origin")
        matched = origin is not None and any(each.fullmatch(origin) for each in patterns)
        star = origins == ["*"] and not credentials
        preflight = {
            f"{CORS}allow-methods": echoed("allowMethods", request.get(f"{CORS}request-method")),
            f"{CORS}allow-headers": echoed("allowHeaders", request.get(f"{CORS}request-headers")),
            f"{CORS}max-age": str(cors["maxAge"]),
        }
        shared = {
            f"{CORS}allow-credentials": "true" if credentials else None,
            f"{CORS}expose-headers": listed(cors.get("exposeHeaders", [])),
        }
        fields = [{k: v for k, v in each.items() if v} for each in (preflight | shared, shared)]
        return answer(request, ("*" if star else origin) if matched else None, *fields, keeps=False)

    return send


def aws_api_gateway(text: str) -> Answer:
    cors = yaml.safe_load(text)["CorsConfiguration"]
    origins = cors["AllowOrigins"]

    def send(request: Request) -> RawResponse:
        origin = request.get("Origin")
        matched = origin is not None and (origins == ["*"] or origin in origins)
        shared = {f"{CORS}expose-headers": listed(cors.get("ExposeHeaders", []))}
        if cors["AllowCredentials"]:
            shared[f"{CORS}allow-credentials"] = "true"
        preflight = shared | {
            f"{CORS}allow-methods": listed(cors["AllowMethods"], ","),
            f"{CORS}allow-headers": listed(cors.get("AllowHeaders", []), ","),
        }
        allowed = ("*" if origins == ["*"] else origin) if matched else None
        return answer(request, allowed, preflight, shared, keeps=False)

    return send


def s3(text: str) -> Answer:
    (rule,) = json.loads(text)["CORSRules"]

    def like(pattern: str, text: str) -> bool:
        return (
            re.fullmatch(re.escape(pattern).replace(r"\*", ".*"), text, re.IGNORECASE) is not None
        )

    def send(request: Request) -> RawResponse:
        origin = request.get("Origin")
        asked = request.get(f"{CORS}request-method")
        names = re.findall(r"[^,\s]+", request.get(f"{CORS}request-headers") or "")
        matched = (
            origin is not None
            and any(like(each, origin) for each in rule["AllowedOrigins"])
            and (asked or request.method) in rule["AllowedMethods"]
            and all(any(like(p, name) for p in rule.get("AllowedHeaders", [])) for name in names)
        )
        shared = {
            f"{CORS}allow-methods": listed(rule["AllowedMethods"]),
            f"{CORS}expose-headers": listed(rule.get("ExposeHeaders", [])),
        }
        preflight = shared | {f"{CORS}allow-headers": listed(names)}
        star = rule["AllowedOrigins"] == ["*"]
        return answer(
            request, ("*" if star else origin) if matched else None, preflight, shared, keeps=False
        )

    return send


DECLARED: dict[str, Callable[[str], Answer]] = {
    "aws-api-gateway": aws_api_gateway,
    "gateway-api": gateway_api,
    "s3": s3,
}
