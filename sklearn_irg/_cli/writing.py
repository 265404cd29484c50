"""Atomic writes of files, and text that any terminal can show."""

import os
import secrets
import shlex
import sys
import tempfile
from contextlib import suppress

from sklearn_irg._cli.reading import TableError
from sklearn_irg._text import visible

__all__ = ["check_writable", "quoted", "say", "short", "visible", "write"]

_PLAIN = str.maketrans({"±": "+/-", "…": "...", "–": "-", "≤": "<=", "≥": ">=", "\u202f": " "})


def check_writable(directory, names):
    """Raise a TableError unless files can be written, before the sweep."""
    for name in names:
        if os.path.isdir(os.path.join(directory, name)):
            raise TableError(f"cannot write to {directory}: {name} is a directory there")
    try:
        os.makedirs(directory, exist_ok=True)
        with tempfile.TemporaryFile(dir=directory):
            pass
    except OSError as error:
        raise TableError(f"cannot write to {directory}: {error.strerror}") from None


def write(directory, name, content):
    """Write bytes to a file, completely or not at all, and return its path.

    A symbolic link of this name is replaced, not followed.
    """
    path = os.path.join(directory, name)
    part = os.path.join(directory, f".{name}.{secrets.token_hex(8)}.part")  # not predictable
    try:
        with open(part, "xb") as file:  # never through a link, with the permissions of any new file
            _move_when_written(file, content, path)
    except OSError as error:
        raise TableError(f"{name} could not be written to {directory}: {error.strerror}") from None
    return path


def _move_when_written(file, content, path):
    try:
        file.write(content)
        file.close()
        os.replace(file.name, path)
    finally:
        with suppress(OSError):
            os.remove(file.name)


def short(text, longest=60):
    """Text without its middle, if it is too long to be read as a name."""
    text = str(text)
    return text if len(text) <= longest else f"{text[: longest - 11]}…{text[-10:]}"


def quoted(strings):
    """Command for a shell, on one line whatever its strings contain."""
    return " ".join(
        shlex.quote(string) if visible(string) == string else _ansi_c_quoted(string)
        for string in strings
    )


def _ansi_c_quoted(string):
    letters = {"\\": "\\\\", "'": "\\'"}
    return "$'{}'".format(
        "".join(
            letters.get(letter, letter) if visible(letter) == letter else f"\\u{ord(letter):04x}"
            for letter in string
        )
    )


def say(text, file=None):
    """Print a line without control characters, in the terminal's encoding."""
    file = sys.stdout if file is None else file
    text = visible(text)
    encoding = getattr(file, "encoding", None) or "utf-8"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        text = text.translate(_PLAIN).encode(encoding, errors="backslashreplace").decode(encoding)
    try:
        print(text, file=file, flush=True)
    except OSError:  # a closed pipe, a full disk: files are still to be written
        os.dup2(os.open(os.devnull, os.O_WRONLY), file.fileno())
