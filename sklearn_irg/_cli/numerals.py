"""Numbers as people write them.

With signs, currencies, and marks between thousands and before decimals.
"""

import re
from collections import Counter
from dataclasses import dataclass

import numpy as np
import pandas as pd

__all__ = ["STRAY", "as_numbers", "decimal_sign", "is_amount", "is_numeral", "looks_grouped"]

# proportion of values of a column of numbers or dates that may be other strings; a choice: more are
# hardly typing errors
STRAY = 0.1

_MINUS = "\u2010\u2011\u2012\u2013\u2212\ufe63\uff0d"  # hyphens, dashes and minus signs
_SIGNS = rf"[+{_MINUS}-]"
_CURRENCY = "$\u00a2-\u00a5\u0e3f\u20a0-\u20c0\uff04\uffe0\uffe1\uffe5\uffe6"
_CODES = (  # of ISO 4217, without those that are words
    "AED ARS AUD BDT BGN BRL CAD CHF CLP CNY COP CZK DKK EGP EUR GBP HKD HUF IDR ILS INR ISK JPY "
    "KES KRW KZT LKR MAD MXN MYR NGN NOK NZD PEN PHP PKR PLN QAR RMB RON RSD RUB SAR SEK SGD THB "
    "TRY TWD UAH USD UYU VND ZAR"  # codespell:ignore zar
)
_NAMES = r"[Kk]r\.?|K\u010d|z\u0142|Ft|Fr\.|Rs\.?|[Ee]uros?"
_MONEY = rf"(?:[A-Z]{{0,3}}[{_CURRENCY}]|{'|'.join(_CODES.split())}|{_NAMES})"
_SPACE = " \u00a0\u2009\u202f"
_CORE = rf"[.,]?[0-9](?:[0-9.,'’{_SPACE}]*[0-9.])?(?:[eE][+-]?[0-9]+)?"
_NUMERAL = re.compile(
    rf"(?P<front>(?:(?:[(%]|{_SIGNS}|{_MONEY})\s*)*)(?P<core>{_CORE})(?P<back>(?:\s*(?:[)%{_MINUS}-]|{_MONEY}))*)"
)
_AFFIX = re.compile(rf"[()%]|{_SIGNS}|{_MONEY}")
_ZERO = re.compile(
    rf"(?P<front>{_MONEY})\s*[{_MINUS}-]|[{_MINUS}-]\s*(?P<back>{_MONEY})"
)  # as spreadsheets write it
_NO_CENTS = re.compile(rf"(?<=[0-9])([.,])[{_MINUS}\u2014-]{{1,2}}(?![0-9])")  # 12.– is a price
_AMOUNT = re.compile(
    rf"(?:(?:[(%\[{{]|{_SIGNS}|{_MONEY})\s*)*{_CORE}(?:\s*(?:[)%\]}}{_MINUS}-]|{_MONEY}|[CcDd][Rr]\.?))*|<\s*{_CORE}\s*>"
)
_PLAIN = re.compile(_CORE)
_MORE = re.compile(r".*[0-9]\s*\+")
_BEHIND = "minus signs behind numbers"
_GROUPED = re.compile(r"[+-]?[1-9][0-9]{0,2}(\.[0-9]{3})+")
_OTHER = {".": ",", ",": "."}
_MARKS = {
    ".": "points",
    ",": "commas",
    "'": "apostrophes",
    "’": "apostrophes",
    **dict.fromkeys(_SPACE, "spaces"),
}


def _layout(decimal, other):
    """Pattern of digits, optionally with one mark between all thousands and with decimals."""
    # behind digits and decimals: a single mark before it is the decimal sign
    exponent = "(?:[eE][+-]?[0-9]+)?"
    grouped = rf"[1-9][0-9]{{0,2}}(?P<mark>[{other}'’{_SPACE}])[0-9]{{3}}(?:(?P=mark)[0-9]{{3}})*"
    if other == ",":
        grouped += "|[1-9][0-9]?(?P<lakhs>,)[0-9]{2}(?:,[0-9]{2})*,[0-9]{3}"
    return re.compile(
        rf"[0-9]+(?:{decimal}[0-9]*)?{exponent}|(?:{grouped})(?:{decimal}[0-9]*{exponent})?|{decimal}[0-9]+{exponent}"
    )


_LAYOUTS = {".": _layout(r"\.", ","), ",": _layout(",", ".")}  # by the decimal sign


@dataclass(frozen=True)
class _Reading:
    """Reading of a string as a number, with a given decimal sign."""

    value: float
    mark: str  # between thousands
    decimal: str  # before decimals, if there are any


@dataclass(frozen=True)
class _Numeral:
    """Word that is a number, with one or two readings."""

    readings: dict  # by decimal sign
    currency: str
    features: frozenset  # what is written besides digits

    @property
    def only(self):
        """Decimal sign, if there is only one reading; else None."""
        return next(iter(self.readings)) if len(self.readings) == 1 else None

    @property
    def is_open(self):
        """Whether two readings differ."""
        return len({reading.value for reading in self.readings.values()}) > 1

    def as_written(self, decimal):
        """Reading with this decimal sign, or with the other one if that is the only reading."""
        return self.readings.get(decimal) or next(iter(self.readings.values()))


def _numeral(string):
    """Numeral of a string, or None."""
    match = _NUMERAL.fullmatch(_NO_CENTS.sub(r"\g<1>0", string))
    if match is None:
        return _zero(string)
    front, back = (_AFFIX.findall(match[side]) for side in ("front", "back"))
    counts = Counter(_kind(affix) for affix in [*front, *back])
    is_bracketed = counts["("] == counts[")"] == 1
    is_once = counts["sign"] + is_bracketed <= 1 and counts["money"] + counts["%"] <= 1
    if not is_once or counts["("] + counts[")"] != 2 * is_bracketed:
        return None
    sign = next((affix for affix in [*front, *back] if _kind(affix) == "sign"), "")
    readings = _readings(match["core"], -1 if is_bracketed or sign not in ("", "+") else 1)
    if not readings:
        return None
    features = {
        "percent signs": counts["%"],
        "parentheses around negative numbers": is_bracketed,
        _BEHIND: sign in back,
        "Unicode minus signs": sign not in ("", "+", "-"),
    }
    currency = next((affix for affix in [*front, *back] if _kind(affix) == "money"), "")
    return _Numeral(
        readings,
        _spelled(currency),
        frozenset(feature for feature, is_there in features.items() if is_there),
    )


def _kind(affix):
    if affix in "()%":
        return affix
    return "sign" if re.fullmatch(_SIGNS, affix) else "money"


def _zero(string):
    match = _ZERO.fullmatch(string)
    if match is None:
        return None
    return _Numeral(
        _readings("0", 1),
        _spelled(match["front"] or match["back"]),
        frozenset(["dashes for zeros"]),
    )


def _spelled(currency):
    """Currency in one spelling for all spellings of its name."""
    name = currency.rstrip(".")
    return {"Kr": "kr", "Euro": "euro", "euros": "euro", "Euros": "euro"}.get(name, name)


def _readings(core, sign):
    """Readings by decimal sign, for the signs that fit."""
    layouts = {decimal: layout.fullmatch(core) for decimal, layout in _LAYOUTS.items()}
    return {decimal: _reading(found, decimal, sign) for decimal, found in layouts.items() if found}


def _reading(match, decimal, sign):
    mark = match["mark"] or match.groupdict().get("lakhs") or ""
    text = match[0].replace(mark, "") if mark else match[0]
    return _Reading(
        sign * float(text.replace(decimal, ".")), mark, decimal if decimal in text else ""
    )


def is_numeral(string):
    """Whether a string is a number, however it is written."""
    return _numeral(string.strip()) is not None


def is_amount(string):
    """Whether a string that is not read as a number probably is one.

    Such strings have signs, brackets or currencies that are not read.
    """
    return _AMOUNT.fullmatch(string) is not None and _PLAIN.fullmatch(string) is None


def looks_grouped(string):
    """Whether points in a number may stand between thousands."""
    return _GROUPED.fullmatch(string) is not None


@dataclass(frozen=True)
class _Numerals:
    """Distinct strings of a column that are numbers, and votes for its decimal sign.

    The votes are the number of cells for which each decimal sign is the only one that fits.
    """

    by_string: dict
    votes: Counter
    currencies: frozenset
    is_mostly_numbers: bool

    @property
    def decimal(self):
        """Decimal sign with the most votes, or None."""
        return _majority(self.votes)


def _majority(votes):
    return None if votes["."] == votes[","] else max(".", ",", key=votes.__getitem__)


def _numerals(strings):
    counts = strings.value_counts()
    by_string = {
        string: numeral for string in counts.index if (numeral := _numeral(string)) is not None
    }
    currencies = frozenset(numeral.currency for numeral in by_string.values()) - {""}
    if len(currencies) > 1:  # amounts that do not compare
        by_string = {
            string: numeral for string, numeral in by_string.items() if not numeral.currency
        }
    if any(
        map(_MORE.fullmatch, counts.index)
    ):  # marks of schools, or classes: 2- and 2+ lie around 2
        by_string = {
            string: numeral
            for string, numeral in by_string.items()
            if _BEHIND not in numeral.features
        }
    votes = Counter()
    for string, numeral in by_string.items():
        votes[numeral.only] += counts[string]
    n_numbers = sum(counts[string] for string in by_string)
    return _Numerals(
        by_string, votes, currencies, len(strings) > 0 and n_numbers >= (1 - STRAY) * len(strings)
    )


def decimal_sign(columns):
    """Decimal sign of a table, by majority of its columns.

    Parameters
    ----------
    columns : iterable of Series
        Of strings without missing cells, or of floats.

    Returns
    -------
    decimal : {".", ",", None}
        ``None`` where no column decides, or as many decide for one as for the other.
    is_unanimous : bool
        Whether no column uses the other one.
    """
    votes = Counter(filter(None, map(_sign_of, columns)))
    return _majority(votes), len(votes) < 2


def _sign_of(column):
    if column.dtype.kind == "f":
        return "." if (column % 1 > 0).any() else None
    numerals = _numerals(column)
    return numerals.decimal if numerals.is_mostly_numbers else None


def as_numbers(strings, decimal=None, is_unanimous=True):
    """Strings as numbers, and their notation.

    Parameters
    ----------
    strings : Series of str
        Without missing cells.
    decimal : {".", ",", None}, default=None
        The decimal sign of the rest of the table, for strings that can be read in two ways.
    is_unanimous : bool, default=True
        Whether all other columns use it.

    Returns
    -------
    numbers : Series of float or int
        NaN where a string is no number.
    how : str
        Notation in words, or why they are no numbers; empty for plain numbers.
    """
    plain = pd.to_numeric(strings, errors="coerce")
    strings = strings.astype(object)
    if not plain.isna().any() and not strings.map(looks_grouped).any():
        return plain, ""
    numerals = _numerals(strings)
    numbers, how = _read(strings, plain, numerals, numerals.decimal or decimal or ".")
    if numbers.isna().mean() > STRAY:
        several = sorted(numerals.currencies)
        return plain, f"amounts in several currencies ({', '.join(several)})" if len(
            several
        ) > 1 else ""
    return numbers, ", ".join(filter(None, [how, _doubt(numerals, decimal, is_unanimous)]))


def _read(strings, plain, numerals, decimal):
    readings = {
        string: numeral.as_written(decimal) for string, numeral in numerals.by_string.items()
    }
    values = strings.map({string: reading.value for string, reading in readings.items()}).astype(
        np.float64
    )
    return values.fillna(plain.astype(np.float64)), _how(numerals.by_string, readings)


def _how(by_string, readings):
    """Notation besides digits and decimal points, in words."""
    features = {
        feature: None for numeral in by_string.values() for feature in sorted(numeral.features)
    }
    features |= {f"currency signs ({n.currency})": None for n in by_string.values() if n.currency}
    signs = {reading.decimal for reading in readings.values()} - {""}
    features |= {f"decimal {_MARKS[sign]}": None for sign in sorted(signs) if "," in signs}
    marks = {_MARKS[reading.mark] for reading in readings.values() if reading.mark}
    features |= {f"thousands separated by {mark}": None for mark in sorted(marks)}
    *first, last = [*features] or [""]
    return f"{', '.join(first)} and {last}" if first else last


def _doubt(numerals, decimal, is_unanimous):
    """Note on strings with two readings, where the column does not decide; else empty."""
    string = next(
        (string for string, numeral in numerals.by_string.items() if numeral.is_open), None
    )
    voted = numerals.votes.keys() & {".", ","}
    if string is None or len(voted) == 1 or (not voted and decimal == "." and is_unanimous):
        return ""
    chosen = numerals.decimal or decimal or "."
    readings = numerals.by_string[string].readings
    taken, left = (
        np.format_float_positional(readings[sign].value, trim="-")
        for sign in (chosen, _OTHER[chosen])
    )
    why = (
        f", as {'' if is_unanimous else 'most '}other columns are written"
        if decimal and not voted
        else ""
    )
    return f"{string!r} read as {taken}, not as {left}{why}"
