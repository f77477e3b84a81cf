"""Write a policy as the CorsConfiguration of an HTTP API of Amazon API Gateway.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-cors.html
"""

from __future__ import annotations

import json

from .._options.fetch import WEB_SCHEMES
from .._options.patterns import EXPOSED, HEADERS, METHODS, ORIGINS
from ._lists import only_exact, read_lists, unknown_methods
from ._model import Reason, headed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from .._engine.select import Policy
    from .._options.spec import Spec
    from .._proofs.languages import Entry
    from ._lists import Texts

KNOWN_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")

# JSON has no comments. This file is YAML, of which JSON is a part.
_USAGE = "# aws apigatewayv2 update-api --api-id ID --cli-input-yaml file://THIS_FILE\n"


def to_aws_api_gateway(policy: Policy) -> str:
    """Return the CorsConfiguration of an HTTP API as JSON below a comment; see docs/export.md."""
    lists = read_lists(policy, "aws-api-gateway", _written, _reasons)
    spec = policy._tables.spec
    cors: dict[str, object] = {
        "AllowOrigins": lists.origins,
        "AllowMethods": lists.methods,
        "AllowHeaders": lists.headers,
        "ExposeHeaders": lists.exposed,
        "AllowCredentials": spec.credentials,
        "MaxAge": spec.max_age,
    }
    given = {name: value for name, value in cors.items() if value not in ([], None)}
    text = json.dumps({"CorsConfiguration": given}, indent=2)
    return headed(policy, "aws-api-gateway", f"{_USAGE}{text}\n")


def _written(entry: Entry | str) -> Texts:
    written = only_exact(entry)
    if isinstance(written, str) or all(each.split(":")[0] in WEB_SCHEMES for each in written):
        return written
    return "an origin is http or https"


def _reasons(spec: Spec) -> Iterator[Reason]:
    yield from unknown_methods(spec, KNOWN_METHODS)
    if not spec.credentials:
        return
    why = "it sends '*' with credentials, which browsers read as a name"
    for option, given in (
        (ORIGINS, spec.any_origin),
        (METHODS, spec.any_method),
        (HEADERS, spec.any_header),
        (EXPOSED, "*" in spec.expose),
    ):
        if given:
            yield Reason(option, "*", why)
