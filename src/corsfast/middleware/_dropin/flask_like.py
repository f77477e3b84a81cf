"""Hook CORS into Flask and Quart applications, which have the same methods.

Import neither of them here, because only one may be installed.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_IS_LAST = "_corsfast_is_last"


def would_be_last(target: Any) -> bool:
    """Return whether an `after_request` function that is registered now would always run last.

    These functions run in the reverse order of their registration, and those of blueprints run
    first. So the first one of an application can be called at the end of `process_response`
    instead, which saves the framework a look-up per request. A second one must run before it.

    Args:
        target: an application or a blueprint.
    """
    return (
        hasattr(target, "process_response")  # a blueprint has none
        and not target.after_request_funcs.get(None)
        and not hasattr(target.process_response, _IS_LAST)
    )


def put_last(app: Any, process_response: Callable[..., Any]) -> None:
    """Replace an application's `process_response` by a function that calls the previous one."""
    setattr(process_response, _IS_LAST, True)
    app.process_response = process_response


def leave_options_to(view: Any) -> None:
    """Make OPTIONS requests reach a decorated view whose route is added later."""
    view.required_methods = {*getattr(view, "required_methods", ()), "OPTIONS"}
    view.provide_automatic_options = False
