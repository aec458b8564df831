"""What values a label may take: a list of them, or a bounded pattern whose size can be counted.

A pattern is a row of literal characters and character classes, each class repeated a bounded number of
times, as in `eu-[a-z]{1,3}[0-9]{2}`. There are no groups, alternatives or stars: every pattern matches in
bounded time, and an upper bound of the information it can carry is known.
"""

from __future__ import annotations

import math
import re

MAX_VALUE_BYTES = 64

_PIECE = re.compile(
    r"\[((?:[A-Za-z0-9_.](?:-[A-Za-z0-9_.])?)+-?)\](?:\{(\d{1,2})(?:,(\d{1,2}))?\})?|([A-Za-z0-9_.:/-])"
)


class LabelPattern:
    """A parsed pattern: `matches(value)`, and `bits`, the most information one value can carry."""

    __slots__ = ("_regex", "bits", "text")

    def __init__(self, text: str) -> None:
        """Parse `text`. Raises `ValueError` that names the place where it is no bounded pattern."""
        self.text = text
        position, longest, bits, regex = 0, 0, 0.0, []
        while position < len(text):
            piece = _PIECE.match(text, position)
            if piece is None:
                raise ValueError(
                    f"pattern {text!r} cannot be read at character {position + 1}: use literals and classes "
                    "with bounded repetition, such as eu-[a-z]{1,3}"
                )
            members, least, most, literal = piece.groups()
            if literal is not None:
                regex.append(re.escape(literal))
                longest += 1
            else:
                alphabet = _members(members, text)
                low = int(least) if least else 1
                high = int(most) if most else low
                if low > high or high == 0:
                    raise ValueError(
                        f"pattern {text!r} repeats a class {low} to {high} times, which is empty"
                    )
                regex.append("[" + "".join(re.escape(member) for member in alphabet) + f"]{{{low},{high}}}")
                longest += high
                bits += math.log2(sum(len(alphabet) ** times for times in range(low, high + 1)))
            position = piece.end()
        if not 0 < longest <= MAX_VALUE_BYTES:
            raise ValueError(
                f"pattern {text!r} matches up to {longest} characters: 1 to {MAX_VALUE_BYTES} are possible"
            )
        self.bits = bits
        self._regex = re.compile("".join(regex))

    def matches(self, value: str) -> bool:
        """Whether the whole of `value` fits."""
        return len(value) <= MAX_VALUE_BYTES and self._regex.fullmatch(value) is not None


def _members(text: str, pattern: str) -> list[str]:
    found: set[str] = set()
    position = 0
    while position < len(text):
        if text[position + 1 : position + 2] == "-" and position + 2 < len(text):
            first, last = text[position], text[position + 2]
            if first > last or not any(
                first in kind and last in kind
                for kind in ("abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "0123456789")
            ):
                raise ValueError(
                    f"pattern {pattern!r} holds the range {first}-{last}, which is empty or mixed"
                )
            found.update(chr(code) for code in range(ord(first), ord(last) + 1))
            position += 3
        else:
            found.add(text[position])
            position += 1
    return sorted(found)
