"""Where CORS is hooked into applications that are built like Flask's: Flask's own and Quart's.

Place in the flow: start-up only; left of flask.py and quart.py.
Never: import either of them; see a request.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_IS_LAST = "_corsfast_is_last"


def would_be_last(target: Any) -> bool:
    """Whether an `after_request` function registered now runs behind all others, always.

    They run in the reverse order of registration, those of blueprints first. So the first one
    of an application is as good as a part of `process_response`, which spares the framework
    from asking about it per request. A second one has to run before the first.

    Args:
        target: an application or a blueprint.
    """
    return (
        hasattr(target, "process_response")  # a blueprint has none
        and not target.after_request_funcs.get(None)
        and not hasattr(target.process_response, _IS_LAST)
    )


def put_last(app: Any, process_response: Callable[..., Any]) -> None:
    """Have an application call this, which calls what was there, in place of its own."""
    setattr(process_response, _IS_LAST, True)
    app.process_response = process_response


def leave_options_to(view: Any) -> None:
    """Have OPTIONS requests reach a decorated view, whose route is added later."""
    view.required_methods = {*getattr(view, "required_methods", ()), "OPTIONS"}
    view.provide_automatic_options = False
