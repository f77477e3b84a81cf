"""The ASCII form of a host with letters beyond ASCII, as browsers send it.

That is `domain to ASCII` of the URL standard: UTS 46 without transitional processing. Python's
codec `idna` is of 2003 and maps `faß.de` to `fass.de`, which is another owner's domain. This module
knows only what `unicodedata` knows. Where that is not enough to be sure, there is no answer.
"""

from __future__ import annotations

import re
from unicodedata import bidirectional, category, combining, normalize

# Letters that the older mapping replaced or removed, and that browsers keep.
_JOINERS = "\u200c\u200d"
_KEPT = f"ßς{_JOINERS}"
_VIRAMA = 9  # the combining class after which a joiner is valid
_DOTS = re.compile("[\u3002\uff0e\uff61]")
_CATEGORIES = {"Ll", "Lo", "Lm", "Mn", "Mc", "Nd"}
# Letters whose mapping changed between versions of Unicode, and letters that are not visible.
_UNSURE = re.compile(
    "[ẞ\u04c0\u10a0-\u10c5\u2132\u2183\U0002f800-\U0002fa1f"
    "\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
_ASCII_LABEL = re.compile("[a-z0-9_-]+")
_MAX_LABEL = 63  # octets, RFC 1035, section 2.3.4


def ascii_host(host: str) -> str | None:
    """Return the host that browsers send, or ``None`` if it has none or that is not known.

    ASCII labels only get lower case, so the host may be a pattern.

    https://url.spec.whatwg.org/#concept-domain-to-ascii, https://www.unicode.org/reports/tr46/
    """
    encoded = []
    given = _DOTS.sub(".", host).split(".")
    labels = [label.lower() if label.isascii() else _map(label) for label in given]
    for label in labels:
        if label is None or (not label.isascii() and not _is_valid(label)):
            return None
        encoded.append(label if label.isascii() else f"xn--{label.encode('punycode').decode()}")
        if len(encoded[-1]) > _MAX_LABEL:
            return None
    mixed = {bidirectional(letter) for label in labels for letter in label or ""}
    if mixed & {"R", "AL", "AN"} and not all(map(_has_one_direction, labels)):
        return None
    # The URL standard reads a host that ends in a number as an address.
    return None if encoded[-1].isdigit() else ".".join(encoded)


def _map(label: str) -> str | None:
    """Return the letters of a label in their only form, or ``None`` if one may not be in it."""
    if _UNSURE.search(label):
        return None
    if not all(letter in _KEPT or category(letter)[0] in "LMN" for letter in label if letter > "~"):
        return None
    text = "".join(
        letter if letter in _KEPT else normalize("NFKC", normalize("NFKC", letter).casefold())
        for letter in label
    )
    text = normalize("NFC", text)
    if text.startswith("xn--") or (text.isascii() and not _ASCII_LABEL.fullmatch(text)):
        return None
    return text


def _is_valid(label: str) -> bool:
    """Return whether all letters may be in a label; see `Validity Criteria` of UTS 46."""
    if category(label[0])[0] == "M":
        return False
    for before, letter in zip(" " + label, label, strict=False):
        if letter in _JOINERS:
            if combining(before) != _VIRAMA:
                return False
        elif letter not in "-_" and category(letter) not in _CATEGORIES:
            return False
    return True


def _has_one_direction(label: str | None) -> bool:
    """Return whether a label is of letters of one direction; RFC 5893 also allows others."""
    found = {bidirectional(letter) for letter in label or ""} - {"NSM"}
    return found <= {"R", "AL"} or found == {"L"}
