"""Write a policy as a headers middleware of Traefik, for its file provider.

An origin is allowed if it is listed, or if a regex of Go matches a part of it.
https://doc.traefik.io/traefik/reference/routing-configuration/http/middlewares/headers/
"""

from __future__ import annotations

from ._lists import header_names, option_reasons, yaml_lines
from ._model import headed, read

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .._engine.select import Policy

_USAGE = "# Add the middleware corsfast@file to each router of the API.\n"


def to_traefik(policy: Policy) -> str:
    """Return a headers middleware of Traefik as YAML; see docs/export.md."""
    policy.options()
    spec = policy._tables.spec
    model = read(policy, "traefik", backtracking=False, reasons=option_reasons(spec))
    # GET, HEAD and POST need no permission.
    headers: dict[str, object] = {
        "accessControlAllowOriginList": ["*"] if model.star else list(model.exact),
        "accessControlAllowOriginListRegex": [f"^(?:{each.regex})$" for each in model.patterns],
        "accessControlAllowMethods": ["*"] * spec.any_method + list(spec.methods),
        "accessControlAllowHeaders": header_names(spec),
        "accessControlExposeHeaders": list(spec.expose),
        "accessControlAllowCredentials": spec.credentials or None,
        "accessControlMaxAge": spec.max_age,
        "addVaryHeader": bool(model.actual_vary) or None,
        # An empty value deletes the application's own header.
        "customResponseHeaders": dict.fromkeys(model.replaced, ""),
    }
    given = {name: value for name, value in headers.items() if value not in ([], None)}
    middleware = {"http": {"middlewares": {"corsfast": {"headers": given}}}}
    return headed(policy, "traefik", _USAGE + "\n".join(yaml_lines(middleware)) + "\n")
