"""Names that were meant: the nearest right spelling of a wrong one."""

from __future__ import annotations

import re
from difflib import get_close_matches

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

# What other libraries call the options of `Policy`.
ELSEWHERE = {
    "allowed_origins": "allow_origins",
    "origin": "allow_origins",
    "origins": "allow_origins",
    "allow_origin_regex": "allow_origins",
    "allow_all_origins": "allow_origins",
    "allowed_origin_regexes": "allow_origins",
    "origin_allow_all": "allow_origins",
    "origin_regex": "allow_origins",
    "origin_whitelist": "allow_origins",
    "methods": "allow_methods",
    "allowed_methods": "allow_methods",
    "allowed_headers": "allow_headers",
    "headers": "allow_headers",
    "exposed_headers": "expose_headers",
    "credentials": "allow_credentials",
    "supports_credentials": "allow_credentials",
    "preflight_max_age": "max_age",
    "maxage": "max_age",
    "options_success_status": "preflight_status",
    "tolerate": "dangerously_tolerate",
}


def nearest(name: str, known: Iterable[str], cutoff: float = 0.6) -> str | None:
    """The known name that was meant, if there is a likely one."""
    known = list(known)
    snake = re.sub(r"(?<=[a-z])(?=[A-Z])|[-\s.]", "_", name)
    if snake.islower() or not name.isupper():
        snake = snake.lower()
    if ELSEWHERE.get(snake) in known:
        return ELSEWHERE[snake]
    return next(iter(get_close_matches(snake, known, 1, cutoff)), None)
