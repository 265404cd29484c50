"""From a file to a frame: encoding, separator and the errors of files."""

import bz2
import csv
import gzip
import lzma
from contextlib import suppress
from io import StringIO
from pathlib import Path

import pandas as pd
from charset_normalizer import from_bytes

__all__ = ["TableError", "read"]

_SEPARATORS = "\t;|,"  # of those that agree, the first: a comma may be part of numbers
_ENCODINGS = [
    "utf_16",
    "utf_32",
    *(f"cp125{i}" for i in range(9)),
    "shift_jis",
    "gb18030",
    "big5",
    "euc_kr",
    "euc_jp",
    "koi8_r",
]
_LATIN = ("cp1250", "cp1254", "cp1257", "cp1258")  # seldom, and easily taken for one another
_OPENERS = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}


class TableError(ValueError):
    """What is wrong with a file or an option, in one line for its owner."""


def read(path):
    """Read a CSV or Parquet file.

    Returns
    -------
    frame : DataFrame
        Cells as they stand; only empty ones are missing.
    note : str
        How the file was read, where that was guessed; empty otherwise.
    """
    try:
        if Path(path).suffix.lower() in (".parquet", ".pq"):
            frame, note = _read_parquet(path), ""
        else:
            with _OPENERS.get(Path(path).suffix.lower(), open)(path, "rb") as file:
                frame, note = _parse(file.read(), path)
    except FileNotFoundError:
        raise TableError(f"there is no file {path}") from None
    except (OSError, EOFError, lzma.LZMAError) as error:
        raise TableError(f"{path} could not be read: {error}") from None
    if not len(frame) or frame.shape[1] < 2:
        raise TableError(f"{path} needs two or more columns, and rows")
    frame.columns = [str(name).strip() for name in frame.columns]
    if frame.columns.has_duplicates:
        twice = frame.columns[frame.columns.duplicated()][0]
        raise TableError(f"{path} has two columns named {twice!r}; give each a name of its own")
    return frame, note


def _read_parquet(path):
    try:
        frame = pd.read_parquet(path)
    except ImportError:
        raise TableError('Parquet files need pyarrow, as in pip install "sklearn_irg[cli]"') from None
    except ValueError as error:
        raise TableError(f"{path} could not be read as Parquet: {str(error).splitlines()[0]}") from None
    named = [name for name in frame.index.names if name is not None]
    return frame.reset_index(level=named).reset_index(drop=True)


def _parse(data, path):
    text, encoding = _decode(data, path)
    if "\0" in text:
        raise TableError(f"{path} is not a text file; expected CSV or Parquet")
    separator = _separator(text)
    names = _checked_names(text, separator, path)
    frame = pd.read_csv(
        StringIO(text),
        sep=separator,
        index_col=False,
        keep_default_na=False,
        na_values=[""],
        skipinitialspace=True,
        low_memory=False,
    )
    frame.columns = names
    frame = frame.drop(columns=[name for name in names if name.startswith("Unnamed: ") and frame[name].isna().all()])
    notes = [] if separator == "," else [f"separator {separator!r}"]
    notes += [] if encoding == "utf-8" else [f"encoding {encoding}, guessed"]
    return frame, ", ".join(notes)


def _decode(data, path):
    try:
        return data.decode("utf-8-sig"), "utf-8"
    except UnicodeDecodeError:
        start = next(i for i in range(0, len(data), 1000) if not data[i : i + 1000].isascii())
        guess = from_bytes(
            data[start : start + 1_000_000] if start else data[:1_000_000], cp_isolation=_ENCODINGS
        ).best()
        name = "cp1252" if guess is None or guess.encoding in _LATIN else guess.encoding
        try:
            return data.decode(name).removeprefix("\ufeff"), name
        except UnicodeDecodeError:
            raise TableError(
                f"{path} could not be read: it is neither Parquet nor text in an encoding that was recognised. Save it as CSV "
                "in UTF-8"
            ) from None


def _checked_names(text, separator, path):
    """The header, once all lines are known to have as many fields."""
    fields = _fields(text, separator)
    try:
        _, names = next(fields, (0, []))
        n_rows = 0
        for line, row in fields:
            n_rows += 1
            if len(row) != len(names):
                raise TableError(
                    f"line {line} of {path} has {len(row)} fields where the header has {len(names)}, with the separator "
                    f"{separator!r}"
                )
    except csv.Error as error:
        raise TableError(f"{path} could not be read as CSV: {error}") from None
    if len(names) < 2 or not n_rows:
        raise TableError(
            f"{path} is not a CSV table: it needs a header, two or more columns separated by a comma, semicolon, tab, bar or "
            "blank, and rows"
        )
    return [name.strip() or f"Unnamed: {j}" for j, name in enumerate(names)]


def _separator(text):
    """The separator with which most of the first lines have as many fields, two or more, as the header."""
    sample = text[:100_000].rpartition("\n")[0] if len(text) > 100_000 else text

    def agreement(separator):
        widths = []
        with suppress(csv.Error):  # which is said of the separator that is found
            for _, fields in _fields(sample, separator):
                widths.append(len(fields))
        return widths.count(widths[0]) / len(widths) if widths and widths[0] > 1 else 0

    best = max(_SEPARATORS, key=agreement)
    return " " if agreement(best) == 0 and agreement(" ") > 0.5 else best


def _fields(text, separator):
    """Line numbers and fields of all lines that are not empty."""
    reader = csv.reader(StringIO(text, newline=""), strict=True, skipinitialspace=True, delimiter=separator)
    for fields in reader:
        if fields:
            yield reader.line_num, fields
