"""Text of any origin, made safe to print, to draw and to write."""

import re
import textwrap

__all__ = ["plain", "visible", "wrap_text"]

# control characters, line separators, signs that override the direction of text, surrogates, and
# what XML forbids
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")


def visible(text):
    """Text with control characters as Python writes them.

    So it neither steers a terminal nor breaks an SVG file.
    """
    return _UNPRINTABLE.sub(
        lambda match: match[0].encode("unicode_escape", "surrogatepass").decode(), str(text)
    )


def plain(text):
    """Text on one line that matplotlib draws as it stands: no formulas, and shown in a legend."""
    return _literal(_on_one_line(text))


def wrap_text(text, width=36):
    """The same on lines that fit an axes."""
    return _literal(textwrap.fill(_on_one_line(text), width))


def _on_one_line(text):
    return visible(re.sub(r"[\t-\r]", " ", str(text)))


def _literal(text):
    """Text whose dollar signs begin no formula, and that no first underscore hides in a legend."""
    text = text.replace("$", r"\$")
    return f" {text}" if text.startswith("_") else text
