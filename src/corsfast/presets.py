"""Options for common situations, each with its reasons, as dicts to merge with options of your own:

install(app, **presets.local_development() | {"allow_credentials": True})
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Literal, TypedDict

    from ._engine.holder import PolicyHolder
    from ._engine.select import Policy
    from ._options.spec import PolicyOptions

    Source = Policy | PolicyHolder | Callable[[], Policy | PolicyHolder]

    class LocalDevelopment(TypedDict):
        allow_origins: list[str]
        allow_methods: list[str]
        allow_headers: list[str]
        max_age: int

    class McpServer(TypedDict):
        allow_origins: list[str]
        allow_methods: list[str]
        allow_headers: list[str]
        expose_headers: list[str]
        cross_site: Literal["refuse_all"]

    class Webhooks(TypedDict):
        paths: dict[str, Source | PolicyOptions | None]
        cross_site: Literal["refuse"]


__all__ = ["local_development", "mcp_server", "webhooks"]


def local_development() -> LocalDevelopment:
    """Return the options for a server on the developer's own machine.

    - The origins are this machine with any port, because each development server has another one.
    - All methods and headers are allowed, because they change all the time.
    - Credentials are not allowed, because every program on the machine can serve a page.
    - Preflights are not cached, so a change of the policy has an effect at once.

    Do not use them in production: they allow pages on the machines of all visitors.
    """
    return {
        "allow_origins": [
            "http://localhost:*",
            "https://localhost:*",
            "http://127.0.0.1:*",
            "http://[::1]:*",
        ],
        "allow_methods": ["*"],
        "allow_headers": ["*", "Authorization"],
        "max_age": 0,
    }


def mcp_server(allow_origins: Iterable[str]) -> McpServer:
    """Return the options of a middleware for a server of the Model Context Protocol over HTTP.

    The names are those of the Streamable HTTP transport in the revisions from 2025-03-26 to
    2026-07-28: https://modelcontextprotocol.io/specification/2026-07-28/basic/transports

    - `cross_site` answers 403 to an Origin that is not allowed, also for GET, as the specification
      demands. It lets pages of the server's own Host pass. A page that rebinds its DNS name to this
      machine sends that name as its Host, so check the Host as well, for example with Starlette's
      ``TrustedHostMiddleware``.
    - DELETE ends a session, and Last-Event-ID resumes a stream.
    - MCP-Protocol-Version is sent with every request. Revision 2026-07-28 added Mcp-Method and
      Mcp-Name, and removed Mcp-Session-Id.
    - Mcp-Session-Id is exposed, because a page has to read it to send it back.
    - Authorization is allowed for tokens. Credentials are not, because no client needs cookies.

    Args:
        allow_origins: the pages that may connect, such as ``http://localhost:6274``.

    Raises:
        TypeError: for a single string.
    """
    return {
        "allow_origins": _listed("allow_origins", allow_origins),
        "allow_methods": ["DELETE"],
        "allow_headers": [
            "Authorization",
            "Last-Event-ID",
            "MCP-Protocol-Version",
            "Mcp-Method",
            "Mcp-Name",
            "Mcp-Session-Id",
        ],
        "expose_headers": ["Mcp-Session-Id", "WWW-Authenticate"],
        "cross_site": "refuse_all",
    }


def webhooks(paths: Iterable[str], policy: Source | PolicyOptions) -> Webhooks:
    """Return the arguments of a middleware that refuses forged requests, except on these paths.

    - Each path has no policy, so pages of other sites may send requests there, and read nothing.
      The view has to check what it receives, for example by a signature.
    - All other paths have the policy, and `cross_site` refuses forged requests.

    Servers send neither ``Origin`` nor ``Sec-Fetch-Site``, so their requests pass anyway. Pages of
    other sites send the answer of a login provider (``form_post``), and the return from a payment.

    Args:
        paths: such as ``/login/callback``, or ``/hooks/*`` for all below it. They are rules of
            `paths`, see docs/middleware/generic.md.
        policy: a policy, a holder, a callable, or a dict of options, as for `paths`.

    Raises:
        TypeError: for a single string.
        ValueError: for ``/*``, which would exempt every path.
    """
    exempt = _listed("paths", paths)
    if "/*" in exempt:
        raise ValueError("'/*' exempts every path; leave out cross_site instead")
    return {"paths": {**dict.fromkeys(exempt), "/*": policy}, "cross_site": "refuse"}


def _listed(name: str, given: Iterable[str]) -> list[str]:
    if isinstance(given, str):
        raise TypeError(f"{name} is a string; write [{given!r}] instead")
    return list(given)
