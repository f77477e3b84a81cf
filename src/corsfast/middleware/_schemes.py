"""Origins of other schemes than http and https, and regexes that admit them.

The engines run regexes over web origins only; other schemes are listed by name. But some are
not known by name: `moz-extension://` is followed by an identifier that each installation
chooses. Where the library that a drop-in replaces lets a regex decide about them, this is how.

    regexes --OtherSchemes--> those that can admit such an origin; the rest is never asked

Place in the flow: automata, origin -> drop-ins that know such origins.
Never: admit "null", a web origin, or what is no serialised origin.
"""

from __future__ import annotations

from functools import cache

from .. import _fetch, limits
from ..automata import Dfa, TooManyStatesError, accepts, intersect, subtract
from ..languages import words
from ..origin import parse_origin
from ..regexes import NotRegularError, compile_regex
from ._chosen import is_origin

TYPE_CHECKING = False
if TYPE_CHECKING:
    import re
    from collections.abc import Iterable

# What Chrome on Android once sent for pages opened from files. It is no serialised origin.
FILE = "file://"


def may_be_sent(origin: str) -> bool:
    """Whether a browser sends this as an Origin: nothing else is ever echoed."""
    return is_origin(origin) or origin == FILE


class OtherSchemes:
    """What some regexes, matched in full, admit beyond web origins.

    Attributes:
        regexes: those of them that admit such an origin, in their order. False as a whole
            where there are none, and then it need not be asked.
    """

    def __init__(self, regexes: Iterable[re.Pattern[str]]) -> None:
        self.regexes: list[re.Pattern[str]] = []
        self._automata: list[Dfa] = []
        self._beyond: list[re.Pattern[str]] = []
        for regex in regexes:
            try:
                language = intersect(compile_regex(regex), _other_origins())
            except (NotRegularError, TooManyStatesError):
                if self._may_admit(regex):
                    self._beyond.append(regex)
                    self.regexes.append(regex)
                continue
            if any(language.accepting):
                self._automata.append(language)
                self.regexes.append(regex)

    @staticmethod
    def _may_admit(regex: re.Pattern[str]) -> bool:
        """Whether a regex that no automaton expresses is worth asking `re` about."""
        try:
            wider = compile_regex(regex, widen=True)
            return any(intersect(wider, _other_origins()).accepting)
        except TooManyStatesError:
            return True

    def __bool__(self) -> bool:
        return bool(self.regexes)

    def admit(self, origin: str) -> bool:
        """Whether this is an origin of another scheme that one of the regexes admits."""
        if len(origin) > limits.MAX_ORIGIN:
            return False
        parts = parse_origin(origin)
        if parts is None or parts.scheme in _fetch.WEB_SCHEMES:
            return False
        return any(accepts(language, origin) for language in self._automata) or any(
            regex.fullmatch(origin) for regex in self._beyond
        )


@cache
def _other_origins() -> Dfa:
    return subtract(words(r"[a-z][a-z0-9.\-]*://.+"), words(r"https?://.*"))
