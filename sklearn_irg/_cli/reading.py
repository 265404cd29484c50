"""Reading of files into frames: encoding, separator and errors."""

import bz2
import csv
import gzip
import lzma
import re
import zlib
from contextlib import suppress
from io import StringIO
from pathlib import Path

import pandas as pd
from charset_normalizer import from_bytes

from sklearn_irg._cli.header import first_line
from sklearn_irg._cli.numerals import looks_grouped

__all__ = ["TableError", "read"]

_SEPARATORS = "\t;|,"  # of those that agree, the first: a comma may be part of numbers
# those that a guess may be among, beside UTF-8: of Windows, of East Asia, and of Russia
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
_NAMED_SEPARATOR = re.compile(
    r"\"? *sep *= *([^\w\"'\r\n])\1*\"?[ \t]*(?=\r?\n)", re.IGNORECASE
)  # of Excel
# rows with which the first line is compared: enough to know the kinds of columns, and few to keep
_SAMPLE = 1000
_LATIN = ("cp1250", "cp1254", "cp1257", "cp1258")  # rare, and easily confused with cp1252
_UNPACKED_BY = {b"\x1f\x8b": gzip.decompress, b"BZh": bz2.decompress, b"\xfd7zXZ": lzma.decompress}
_OTHERS = {
    b"PK\3\4": "a workbook or a ZIP archive",
    b"\xd0\xcf\x11\xe0": "an old workbook",
    b"%PDF": "a PDF document",
    b"SQLite": "a database",
}


class TableError(ValueError):
    """Error in a file or an option, with a message of one line for the user."""


def read(path, header="auto"):
    """Read a CSV or Parquet file.

    Parameters
    ----------
    path : str or Path
        Path of the file.
    header : {"auto", "yes", "no"}, default="auto"
        Whether the first line of a CSV file has the names of the columns; "auto" takes it for names
        unless it looks like a row.

    Returns
    -------
    frame : DataFrame
        Cells as they are written; only empty ones are missing. Numbers that floats cannot
        represent stay strings.
    note : str
        Guesses with which the file was read; empty without any.
    """
    try:
        data = Path(path).read_bytes()
        frame, note = (
            (_read_parquet(path), "")
            if data.startswith(b"PAR1")
            else _parse(_unpacked(data, path), path, header)
        )
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
        return next(
            (unpack for start, unpack in _UNPACKED_BY.items() if data.startswith(start)), bytes
        )(data)
    except (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError) as error:
        raise TableError(f"{path} could not be read: {error}") from None


def _read_parquet(path):
    try:
        frame = pd.read_parquet(path)
    except ImportError:
        raise TableError(
            'Parquet files need pyarrow, as in pip install "sklearn_irg[cli]"'
        ) from None
    except ValueError as error:
        raise TableError(
            f"{path} could not be read as Parquet: {str(error).splitlines()[0]}"
        ) from None
    named = [name for name in frame.index.names if name is not None and name not in frame]
    return frame.reset_index(level=named).reset_index(drop=True)


def _parse(data, path, header):
    other = next((kind for start, kind in _OTHERS.items() if data.startswith(start)), None)
    if other is not None:
        raise TableError(f"{path} is {other}; save the table as CSV or Parquet")
    text, encoding = _decode(data, path)
    if "\0" in text:
        raise TableError(f"{path} is not a text file; expected CSV or Parquet")
    named = _NAMED_SEPARATOR.match(text)
    separator = named[1] if named else _separator(text)
    text = (
        text[named.end() :] if named else text
    )  # from the end of the line, which keeps its number
    first, rows, texts = _checked_lines(text, separator, path, header == "no")
    doubt = _check_first_line(first, rows, path) if header == "auto" else ""
    names = [
        f"column {j}" if header == "no" else name for j, name in enumerate(_names(first), start=1)
    ]
    frame = pd.read_csv(
        StringIO(text),
        sep=separator,
        header=None if header == "no" else 0,
        names=range(len(names)),
        index_col=False,
        keep_default_na=False,
        na_values=[""],
        dtype=dict.fromkeys(texts, str),
        skipinitialspace=True,
        low_memory=False,
    )
    frame.columns = names
    frame = frame.drop(
        columns=[
            name for name in names if name.startswith("Unnamed: ") and frame[name].isna().all()
        ]
    )
    notes = [] if separator == "," else [f"separator {separator!r}"]
    notes += [] if encoding == "utf-8" else [f"encoding {encoding}, guessed"]
    return frame, ", ".join([*notes, doubt] if doubt else notes)


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
                f"{path} could not be read: it is neither Parquet nor text in an encoding that was "
                "recognized. Save it as CSV in UTF-8"
            ) from None


def _checked_lines(text, separator, path, is_row):
    """First line, some lines below, and positions of the columns to keep as strings.

    Raises a TableError unless all lines have equally many fields.
    """
    lines = _fields(text, separator)
    rows = []
    try:
        _, first = next(lines, (0, []))
        strings = _Strings(len(first))
        n_rows = int(is_row)
        if is_row:
            strings.add(first)
        for line, row in lines:
            if len(row) != len(first):
                raise TableError(
                    f"line {line} of {path} has {len(row)} fields where the header has "
                    f"{len(first)}, with the separator {separator!r}"
                )
            strings.add(row)
            n_rows += 1
            if n_rows <= _SAMPLE:
                rows.append(row)
    except csv.Error as error:
        raise TableError(f"{path} could not be read as CSV: {error}{_what_to_do(error)}") from None
    if len(first) < 2 or not n_rows:
        raise TableError(
            f"{path} is not a CSV table: it needs a header, two or more columns separated by a "
            "comma, semicolon, tab, bar or space, and rows"
        )
    return first, rows, strings.columns


def _what_to_do(error):
    if "field limit" not in str(error):
        return ""
    return (
        f". A field there has more than {csv.field_size_limit()} characters: add the quotation mark "
        "if one is missing, shorten the field, leave its column out of the file, or save the table "
        "as Parquet"
    )


def _names(cells):
    return [name.strip() or f"Unnamed: {j}" for j, name in enumerate(cells)]


class _Strings:
    """Columns whose numbers must not be read as floats.

    They have leading zeros, too many digits, or points that may stand between thousands.
    """

    def __init__(self, n_columns):
        self._certain, self._grouped = set(), set()
        self._open = set(range(n_columns))  # where each point may stand between thousands

    def add(self, row):
        """Take the cells of a line into account."""
        self._certain.update(
            j for j, cell in enumerate(row) if _is_code(cell) or _is_beyond_floats(cell)
        )
        pointed = [j for j in self._open if "." in row[j]]
        grouped = {j for j in pointed if looks_grouped(row[j].strip())}
        self._grouped |= grouped
        self._open.difference_update(j for j in pointed if j not in grouped)

    @property
    def columns(self):
        """Positions of these columns."""
        return self._certain | (self._grouped & self._open)


def _is_code(cell):
    return cell[:1] == "0" and cell[1:].isdigit()


def _is_beyond_floats(cell):
    if len(cell) < 16:
        return False
    digits = cell.strip().lstrip("+-")
    return digits.isascii() and digits.isdigit() and (len(digits) > 16 or int(digits) > 2**53)


def _check_first_line(cells, rows, path):
    """Raise a TableError if the first line is a row; return a note if it could be one."""
    kind = first_line(cells, rows)
    if kind == "row":
        listed = ", ".join(cell.strip()[:20] for cell in cells[:4]) + (
            ", …" if len(cells) > 4 else ""
        )
        raise TableError(
            f"the first line of {path} looks like a row, not like names of columns: {listed}. Add "
            "a line of names above it, or say --header no, which names them column 1, column 2 and "
            "so on; if these are names, say --header yes"
        )
    return (
        "first line taken as names of columns (if it is a row, --header no)"
        if kind == "either"
        else ""
    )


def _separator(text):
    """Separator with which most of the first lines have as many fields as the header.

    The header has to have at least two.
    """
    sample = text[:100_000].rpartition("\n")[0] if len(text) > 100_000 else text

    def agreement(separator):
        widths = []
        with suppress(csv.Error):  # raised again later for the separator that is chosen
            for _, fields in _fields(sample, separator):
                widths.append(len(fields))
        return widths.count(widths[0]) / len(widths) if widths and widths[0] > 1 else 0

    best = max(_SEPARATORS, key=agreement)
    return " " if agreement(best) == 0 and agreement(" ") > 0.5 else best


def _fields(text, separator):
    """Line numbers and fields of all lines that are not empty."""
    reader = csv.reader(
        StringIO(text, newline=""), strict=True, skipinitialspace=True, delimiter=separator
    )
    try:
        for fields in reader:
            if fields:
                yield reader.line_num, fields
    except csv.Error as error:
        raise csv.Error(f"line {reader.line_num}: {error}") from None
