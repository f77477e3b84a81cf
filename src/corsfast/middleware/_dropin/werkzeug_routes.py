"""Hook CORS into Flask or Quart, and find the view that a request is meant for.

A request may be meant for a view that it does not reach, because both frameworks answer
redirects, 404 and 405 outside of blueprints and decorators.
"""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.routing import RequestRedirect

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

# An attribute of a decorated view. It holds the source of the view's rules in an application.
VIEW_RULES = "_corsfast_rules"

_IS_LAST = "_corsfast_is_last"

# For example from `//a` to `/a` to `/a/`. Each step is a separate response, and gets the headers
# of the last one.
_MAX_REDIRECTS = 3


def is_innermost_hook(target: Any) -> bool:
    """Return whether an `after_request` function that is registered now would always run last.

    These functions run in the reverse order of their registration, and those of blueprints run
    first. So the first one of an application can be called at the end of `process_response`
    instead, which saves the framework a look-up per request. A second one must run before it.
    """
    return (
        hasattr(target, "process_response")  # a blueprint has none
        and not target.after_request_funcs.get(None)
        and not hasattr(target.process_response, _IS_LAST)
    )


def wrap_process_response(app: Any, process_response: Callable[..., Any]) -> None:
    setattr(process_response, _IS_LAST, True)
    app.process_response = process_response


def add_options_method(view: Any) -> None:
    """Make OPTIONS requests reach a decorated view whose route is added later."""
    view.required_methods = {*getattr(view, "required_methods", ()), "OPTIONS"}
    view.provide_automatic_options = False


def redirected_path(received: Any) -> str | None:
    """Return the path in this application to which the routes redirect a request, or None."""
    error = received.routing_exception
    if not isinstance(error, RequestRedirect):
        return None
    url = urlsplit(error.new_url)
    root = received.root_path.rstrip("/")
    if url.netloc != received.host or not url.path.startswith(f"{root}/"):
        return None
    return unquote(url.path[len(root) :])


def _method_meant(received: Any) -> str:
    method: str = received.method
    if method == "OPTIONS":
        method = received.headers.get("Access-Control-Request-Method", method)
    return method


def endpoint_meant(app: Any, received: Any) -> str | None:
    """Return the endpoint of a request, or the endpoint that it is meant for.

    A request that is redirected to another spelling of its path is meant for the endpoint of
    that path. A preflight is meant for the endpoint of the requested method. A request with a
    method that no route has is meant for any endpoint of its path.
    """
    error = received.routing_exception
    if error is None or not isinstance(error, (RequestRedirect, MethodNotAllowed)):
        return received.endpoint  # type: ignore[no-any-return]
    try:
        adapter = app.create_url_adapter(received)
        path = redirected_path(received)
        method = _method_meant(received)
    except HTTPException:  # the host is not trusted
        return None
    for _ in range(_MAX_REDIRECTS):
        try:
            return adapter.match(path, method)[0]  # type: ignore[no-any-return]
        except MethodNotAllowed as other:
            method = next(iter(other.valid_methods or ()), "")
            if not method:
                return None
        except RequestRedirect as other:
            path = unquote(urlsplit(other.new_url).path)
        except HTTPException:
            return None
    return None


def rules_of_view(app: Any, received: Any) -> Any:
    """Return the `VIEW_RULES` of the view that a request is meant for, or None."""
    view = app.view_functions.get(endpoint_meant(app, received))
    noted = getattr(view, VIEW_RULES, None)
    if noted is None and hasattr(view, "view_class"):
        # A class-based view may have decorated methods.
        method = _method_meant(received).lower()
        noted = getattr(getattr(view.view_class, method, None), VIEW_RULES, None)
    return noted


class Registrations:
    """The places where a blueprint is registered, to find its requests that reached no view.

    Args:
        blueprint: a blueprint that is not yet registered.
    """

    def __init__(self, blueprint: Any) -> None:
        self._states: list[tuple[Any, str, re.Pattern[str] | None]] = []
        blueprint.record(self._note)

    def _note(self, state: Any) -> None:
        below = None
        if state.url_prefix and not state.subdomain:
            # `<lang>` in a prefix matches any segment.
            parts = re.split(r"<[^<>]*>", state.url_prefix.rstrip("/"))
            below = re.compile("[^/]+".join(map(re.escape, parts)) + r"(/|\Z)")
        name = f"{state.name_prefix}.{state.name}.".lstrip(".")
        self._states.append((state.app, name, below))

    def meant(self, app: Any, received: Any) -> bool:
        """Return whether a request is meant for this blueprint, by its endpoint or its path."""
        endpoint = endpoint_meant(app, received)
        return any(
            endpoint.startswith(name)
            if endpoint is not None
            else below is not None and below.match(received.path)
            for one, name, below in self._states
            if one is app
        )
