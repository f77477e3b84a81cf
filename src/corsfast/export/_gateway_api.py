"""Write a policy as the CORS filter of an HTTPRoute of the Kubernetes Gateway API.

https://gateway-api.sigs.k8s.io/reference/spec/#httpcorsfilter
"""

from __future__ import annotations

import re

from .._options.patterns import EXPOSED, HEADERS, ORIGINS
from ._lists import any_subdomain, read_lists, unknown_methods, yaml_lines
from ._model import Reason, headed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from .._engine.select import Policy
    from .._options.spec import Spec
    from .._proofs.languages import Entry
    from ._lists import Texts

# The limits of the resource definition.
MAX_ENTRIES, MAX_ORIGIN = 64, 253
KNOWN_METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH")
_ORIGIN = re.compile(r"https?://(?:\*\.)?(?:[a-zA-Z0-9-]+\.)*[a-zA-Z0-9-]+(?::[0-9]{1,5})?")
# Without an age the gateway sends this one, which is also that of browsers.
DEFAULT_AGE = 5

_USAGE = "# Write this as an item of `filters` in each rule of an HTTPRoute.\n"


def to_gateway_api(policy: Policy) -> str:
    """Return the CORS filter of an HTTPRoute as YAML; see docs/export.md."""
    lists = read_lists(policy, "gateway-api", _written, _reasons)
    spec = policy._tables.spec
    cors: dict[str, object] = {
        "allowOrigins": lists.origins,
        "allowMethods": lists.methods,
        "allowHeaders": ["*"] if "*" in lists.headers else lists.headers,
        "exposeHeaders": lists.exposed,
        "allowCredentials": spec.credentials,
        "maxAge": DEFAULT_AGE if spec.max_age is None else spec.max_age,
    }
    lines = yaml_lines({"type": "CORS", "cors": {k: v for k, v in cors.items() if v != []}})
    return headed(policy, "gateway-api", _USAGE + "\n".join(lines) + "\n")


def _written(entry: Entry | str) -> Texts:
    written = any_subdomain(entry)
    if isinstance(written, str):
        return written
    if all(_ORIGIN.fullmatch(each) and len(each) <= MAX_ORIGIN for each in written):
        return written
    return "an origin is http or https, a name without an underscore or an IPv4 address, and a port"


def _reasons(spec: Spec) -> Iterator[Reason]:
    yield from unknown_methods(spec, KNOWN_METHODS)
    if spec.any_header and not spec.credentials:
        yield Reason(HEADERS, "*", "without credentials, a gateway may send '*' alone")
    if spec.max_age == 0:
        yield Reason("max_age", 0, "the smallest age is 1")
    for option, values in (
        (ORIGINS, (*spec.exact, *spec.rules)),
        (HEADERS, spec.headers),
        (EXPOSED, spec.expose),
    ):
        for value in values[MAX_ENTRIES:]:
            yield Reason(option, value, f"a list has at most {MAX_ENTRIES} entries")
