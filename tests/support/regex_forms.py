"""Random regular expressions, each with words that it should match.

An origin is split into parts, and each part is written in one of the many ways that Python's syntax
allows. The words are built along with the expression, not read from it, so they depend on no
parser, neither ours nor Python's.

No unbounded repeat may be nested in another one, because `re` would take years over a near miss.
(proofs/test_regexes.py shows by counting that this library does not.)
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from random import Random
from typing import NamedTuple

Words = Callable[[Random], str]

ORIGINS = [
    "https://app.example.com",
    "https://pr-12.preview.example.dev",
    "http://localhost:3000",
    "https://a.b.example.co.uk:8443",
    "http://127.0.0.1:8080",
    "http://[::1]:3000",
    "https://k_s.example.org",
    "https://example.com.",
]

# Characters that a near miss may contain: neighbors of allowed ones, and characters with a special
# meaning elsewhere.
SIGNS = "aekszAKZ0189-_.:/[]@%#?*+ \t\n\0\x7f\xe9\u017f\u0131\u212a\u0660\uff10"

# Each set with some of the origin characters that it contains.
SETS = [
    ("[a-z]", "aekz"),
    ("[a-z0-9]", "ak09"),
    ("[a-z0-9-]", "b7-"),
    (r"[\w-]", "x_-8"),
    (r"[\w.]", "x_."),
    (r"[^\W_]", "q3"),
    ("[^.]", "a-1"),
    (r"[^/:\s]", "a.-"),
    ("[^A-Z/]", "a.9"),
    (r"[\d]", "05"),
    (r"[^\d]", "a.-"),
    (r"[\S]", "a-:"),
    (r"\d", "19"),
    (r"\D", "a."),
    (r"\w", "a_7"),
    (r"\W", ".-"),
    (r"\S", "a.:"),
    (r"[^\S]", ""),
    (r"\s", ""),
    (".", "a.-5"),
    ("[]a-e]", "ace"),
    ("[^]x]", "a.-"),
    ("[+-.]", "-."),
    ("[a\\-z.]", "az-."),
    ("[\\x61-\\u0065]", "abe"),
    ("[\\101-\\132a]", "a"),
]


class Part(NamedTuple):
    """A piece of an expression, and a function that makes words for it."""

    text: str
    words: Words


class Form(NamedTuple):
    regex: re.Pattern[str]
    words: Words


def forms(random: Random, count: int) -> Iterator[Form]:
    """Yield random expressions that Python accepts."""
    while count:
        yield form(random)
        count -= 1


def form(random: Random) -> Form:
    flags = 0
    for flag in (re.IGNORECASE, re.VERBOSE, re.DOTALL, re.MULTILINE, re.ASCII):
        if random.random() < 0.2:
            flags |= flag
    writer = _Writer(random, bool(flags & re.VERBOSE))
    part = writer.whole(random.choice(ORIGINS))
    if random.random() < 0.3:
        other = writer.whole(random.choice(ORIGINS))
        part = writer.choice([part, other])
    return Form(re.compile(part.text, flags), part.words)


class _Writer:
    def __init__(self, random: Random, verbose: bool) -> None:
        self.random = random
        self.verbose = verbose
        self.names = 0

    # -- whole expressions -------------------------------------------------------------------

    def whole(self, text: str) -> Part:
        """Write an origin, with anchors in usual and unusual places."""
        pick = self.random.choice
        scheme, _, rest = text.partition("://")
        first = self.sequence(f"{scheme}://", depth=1, repeats=pick([True, False, False, False]))
        behind = self.sequence(rest, depth=2, repeats=True)
        part = Part(
            first.text + behind.text, lambda random: first.words(random) + behind.words(random)
        )
        before = pick(["", "", "", "^", r"\A", "^^", "(?:^)", "(?:^|x)", "(?:^)?", "(?m:^)"])
        after = pick(["", "", "", "$", r"\Z", "$$", "(?:$)", r"(?:$|:\d+)", "(?:$)*", "(?s:$)"])
        return Part(before + part.text + after, part.words)

    def sequence(self, text: str, depth: int, repeats: bool) -> Part:
        """Write the parts of a text, one after another."""
        parts = []
        while text:
            size = self.random.choice([1, 1, 1, 2, 3, 5, 8])
            parts.append(self.part(text[:size], depth, repeats))
            text = text[size:]
        gaps = ["", "", "", "(?#note)", "(?:)", "()"]
        if self.verbose:
            gaps += [" ", "\n", "\t# a remark: .*|(\n", "  "]
        written = "".join(part.text + self.random.choice(gaps) for part in parts)
        return Part(written, lambda random: "".join(part.words(random) for part in parts))

    # -- parts -------------------------------------------------------------------------------

    def part(self, text: str, depth: int, repeats: bool) -> Part:
        kind = self.random.random()
        if depth == 0 or kind < 0.45:
            parts = [self.character(c) if repeats else self.literal(c) for c in text]
            if len(parts) == 1 and repeats and kind < 0.12:
                return self.repeated(parts[0], depth)
            return Part(
                "".join(part.text for part in parts),
                lambda random: "".join(part.words(random) for part in parts),
            )
        inner = self.sequence(text, depth - 1, repeats and kind < 0.8)
        if kind < 0.6:
            return self.grouped(inner)
        if kind < 0.8:
            return self.choice(self.choices(inner, depth))
        return self.repeated(self.grouped(inner), depth) if repeats else self.grouped(inner)

    def literal(self, character: str) -> Part:
        return Part(re.escape(character), lambda _: character)

    def character(self, character: str) -> Part:
        """Write one character, in one of its spellings or as a set that contains it."""
        code = ord(character)
        spellings = [
            re.escape(character),
            re.escape(character),
            re.escape(character),
            f"\\x{code:02x}",
            f"\\u{code:04x}",
            f"\\U{code:08x}",
            f"\\{code:03o}",
            f"[{re.escape(character)}]",
            f"(?i:{re.escape(character.upper())})",
            f"(?-i:{re.escape(character)})",
            f"(?a:{re.escape(character)})",
            f"(?ai:{re.escape(character.upper())})",
            f"(?:{re.escape(character)}|{re.escape(character)})",
        ]
        if character in "ks":
            spellings.append("(?i:\u212a)" if character == "k" else "(?i:\u017f)")
        if character == ".":
            spellings.append(".")
        if self.random.random() < 0.85:
            return Part(self.random.choice(spellings), lambda _: character)
        fitting = [(s, m) for s, m in SETS if re.fullmatch(s, character)]
        if self.random.random() < 0.05:
            fitting = SETS
        text, members = self.random.choice(fitting)
        return Part(text, lambda random: random.choice([character, *members]))

    def grouped(self, part: Part) -> Part:
        self.names += 1
        kinds = ["(", "(", "(?:", "(?:", f"(?P<n{self.names}>", "(?s:", "(?m:", "(?i:", "(?-i:"]
        if not self.verbose:
            kinds += ["(?-x:", "(?ims-x:"]
        return Part(f"{self.random.choice(kinds)}{part.text})", part.words)

    def choices(self, part: Part, depth: int) -> list[Part]:
        others = [
            Part("", lambda _: ""),
            Part(self.random.choice(["x^y", "x$y", r"x\Ay", r"x\Zy"]), lambda _: "xy"),
            self.sequence(self.random.choice(["com", "dev.", "a", "a.b", "localhost"]), 1, False),
            part,
        ]
        return [part, *self.random.sample(others, self.random.choice([1, 1, 2]))]

    def choice(self, parts: list[Part]) -> Part:
        self.random.shuffle(parts)
        opening = self.random.choice(["(", "(?:"])
        # Group names must be unique, so a group that is repeated gets no name.
        texts = [parts[0].text]
        for part in parts[1:]:
            texts.append(re.sub(r"\(\?P<\w+>", "(", part.text))
        return Part(
            f"{opening}{'|'.join(texts)})",
            lambda random: random.choice(parts).words(random),
        )

    def repeated(self, part: Part, depth: int) -> Part:
        """Repeat a part, greedily or lazily. Only single characters are repeated without limit."""
        single = len(part.text) == 1 or part.text in dict(SETS)
        bounds = [("?", 0, 1), ("{1,2}", 1, 2), ("{1}", 1, 1), ("{,2}", 0, 2), ("{2}", 2, 2)]
        if single:
            bounds += [("*", 0, 4), ("+", 1, 4), ("{1,}", 1, 3), ("{0,7}", 0, 7)]
        sign, least, most = self.random.choice(bounds)
        lazy = self.random.choice(["", "", "?"])
        return Part(
            f"{part.text}{sign}{lazy}",
            lambda random: "".join(part.words(random) for _ in range(random.randint(least, most))),
        )


# -- near misses -----------------------------------------------------------------------------


def near_miss(random: Random, word: str) -> str:
    """Return the word with one or two small mistakes."""
    for _ in range(random.choice([1, 1, 2])):
        at = random.randrange(len(word) + 1)
        sign = random.choice(SIGNS)
        word = random.choice(
            [
                word[:at] + sign + word[at:],
                word[:at] + sign + word[at + 1 :],
                word[:at] + word[at + 1 :],
                word[:at] + word[at : at + 1] * 2 + word[at + 1 :],
                word[:at] + word[at:].upper(),
                word[:at] + word[at + 3 :] + word[at : at + 3],
                word[:at],
                word[at:],
                word + random.choice([".", ":", ":1", ":443", ":3000", "/", "\n", ".evil.com"]),
                word.replace("https", "http", 1),
            ]
        )
    return word
