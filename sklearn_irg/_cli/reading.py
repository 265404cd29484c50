"""From a file to a frame: encoding, separator and the errors of files."""

import bz2
import csv
import gzip
import lzma
import zlib
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
_UNPACKED_BY = {b"\x1f\x8b": gzip.decompress, b"BZh": bz2.decompress, b"\xfd7zXZ": lzma.decompress}
_OTHERS = {
    b"PK\3\4": "a workbook or a ZIP archive",
    b"\xd0\xcf\x11\xe0": "an old workbook",
    b"%PDF": "a PDF document",
    b"SQLite": "a database",
}


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
        data = Path(path).read_bytes()
        frame, note = (_read_parquet(path), "") if data.startswith(b"PAR1") else _parse(_unpacked(data, path), path)
    except FileNotFoundError:
        raise TableError(f"there is no file {path}") from None
    except OSError as error:
        raise TableError(f"{path} could not be read: {error}") from None
    if not len(frame) or frame.shape[1] < 2:
        raise TableError(f"{path} needs two or more columns, and rows")
    frame.columns = [str(name).strip() for name in frame.columns]
    if frame.columns.has_duplicates:
        twice = frame.columns[frame.columns.duplicated()][0]
        raise TableError(f"{path} has two columns named {twice!r}; give each a name of its own")
    return frame, note


def _unpacked(data, path):
    try:
        return next((unpack for start, unpack in _UNPACKED_BY.items() if data.startswith(start)), bytes)(data)
    except (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError) as error:
        raise TableError(f"{path} could not be read: {error}") from None


def _read_parquet(path):
    try:
        frame = pd.read_parquet(path)
    except ImportError:
        raise TableError('Parquet files need pyarrow, as in pip install "sklearn_irg[cli]"') from None
    except ValueError as error:
        raise TableError(f"{path} could not be read as Parquet: {str(error).splitlines()[0]}") from None
    named = [name for name in frame.index.names if name is not None and name not in frame]
    return frame.reset_index(level=named).reset_index(drop=True)


def _parse(data, path):
    other = next((kind for start, kind in _OTHERS.items() if data.startswith(start)), None)
    if other is not None:
        raise TableError(f"{path} is {other}; save the table as CSV or Parquet")
    text, encoding = _decode(data, path)
    if "\0" in text:
        raise TableError(f"{path} is not a text file; expected CSV or Parquet")
    separator = _separator(text)
    names, codes = _checked_names(text, separator, path)
    frame = pd.read_csv(
        StringIO(text),
        sep=separator,
        header=0,
        names=range(len(names)),
        index_col=False,
        keep_default_na=False,
        na_values=[""],
        dtype=dict.fromkeys(codes, str),
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
    """The header, once all lines are known to have as many fields, and positions of columns with zeros that lead."""
    fields = _fields(text, separator)
    codes = set()
    try:
        _, names = next(fields, (0, []))
        n_rows = 0
        for line, row in fields:
            n_rows += 1
            codes.update(j for j, cell in enumerate(row) if cell[:1] == "0" and cell[1:].isdigit())
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
    return [name.strip() or f"Unnamed: {j}" for j, name in enumerate(names)], codes


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
    try:
        for fields in reader:
            if fields:
                yield reader.line_num, fields
    except csv.Error as error:
        raise csv.Error(f"line {reader.line_num}: {error}") from None
