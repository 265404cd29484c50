"""Dates and times in the ways that people write them, held against the dates that were written."""

import numpy as np
import pandas as pd
import pytest

from sklearn_irg._cli.columns import prepare

DATES = pd.to_datetime(
    ["1999-12-31 14:30", "2004-02-29 00:15", "2011-07-04 12:00", "2024-11-08 23:59"]
).to_series()
DAYS = (DATES - pd.Timestamp(0)) / pd.Timedelta(days=1)


def column(cells):
    """What becomes of a column of these cells."""
    cells = (list(cells) * 40)[:40]
    frame = pd.DataFrame({"it": cells, "other": np.sin(np.arange(40)), "y": ["a", "b"] * 20})
    table = prepare(frame)
    return table.X.get("it"), table.columns[0]


@pytest.mark.parametrize(
    "time",
    ["", " %H:%M", " %H:%M:%S", " %I:%M %p", ", %I:%M:%S%p", " %I:%M\u202f%p", ",\u00a0%H:%M"],
)
@pytest.mark.parametrize(
    ("date", "how"),
    [
        ("%Y-%m-%d", ""),
        ("%Y/%m/%d", ""),
        ("%d.%m.%Y", "read as day before month"),
        ("%m/%d/%Y", "read as month before day"),
        ("%d/%m/%Y", "read as day before month"),
        ("%d-%m-%Y", "read as day before month"),
        ("%d.%m.%y", "read as day before month, years of two digits as 1999 to 2024"),
        ("%m/%d/%y", "read as month before day, years of two digits as 1999 to 2024"),
        ("%d/%m/%y", "read as day before month, years of two digits as 1999 to 2024"),
        ("%y-%m-%d", "read as year before month before day, years of two digits as 1999 to 2024"),
        ("%d-%b-%y", "years of two digits as 1999 to 2024"),
        ("%d %B %Y", ""),
        ("%b %d, %Y", ""),
        ("%B %d %Y", ""),
        ("%b. %d,\u202f%Y", ""),
        ("%b-%d-%y", "years of two digits as 1999 to 2024"),
    ],
)
def test_dates_come_back_however_they_are_written(date, time, how):
    values, what = column(DATES.dt.strftime(date + time))
    expected = DAYS if time else np.floor(DAYS)
    np.testing.assert_allclose(values[:4], expected, atol=1e-9)
    assert what.note == ", ".join(
        filter(None, [how, "days since 1970-01-01, standardized, never moved"])
    )
    assert what.remark


def test_a_day_that_no_month_has_is_missing_and_said():
    values, what = column(["31/02/24"] + ["13/01/24"] * 18 + ["14/01/24"])
    assert np.isnan(values[0])
    assert what.note.startswith(
        "2 of 40 values are not dates ('31/02/24') and taken as missing, read as day before month"
    )


@pytest.mark.parametrize(
    ("cells", "how"),
    [
        (["03/02/24", "11/02/24"], "read as month before day (could also be day before month)"),
        (["03.02.24", "11.02.24"], "read as day before month (could also be month before day)"),
        (
            ["24-03-02", "24-12-30"],
            "read as year before month before day (could also be day before month)",
        ),
    ],
)
def test_what_else_dates_could_be_is_said(cells, how):
    assert column(cells)[1].note.startswith(f"{how}, years of two digits as 2024, ")


@pytest.mark.parametrize(
    ("years", "first", "last"),
    [
        (["69", "70", "99", "03"], 1969, 2003),
        (["45", "62", "88", "97", "03"], 1945, 2003),
        (["24", "35", "49"], 2024, 2049),
        (["50", "68"], 1950, 1968),
        (["00", "05"], 2000, 2005),
        (["99"], 1999, 1999),
    ],
)
def test_years_of_two_digits_are_close_together_and_not_far_ahead(years, first, last):
    values, what = column([f"{day}.12.{year}" for year in years for day in (13, 14)])
    found = pd.to_datetime(values, unit="D").dt.year
    assert (found.min(), found.max()) == (first, last)
    assert (found[:2] % 100 == int(years[0])).all()
    assert f"years of two digits as {first}" in what.note


def test_times_of_day_are_hours():
    values, what = column(["2:30 PM", "12:15 a.m.", "12 pm", "11:59:30 AM"])
    np.testing.assert_allclose(values[:4], [14.5, 0.25, 12, 11 + 59.5 / 60])
    assert (what.kind, what.note) == (
        "number",
        "times of day, in hours since midnight, standardized",
    )
    values, what = column(["2:30\u202fPM", "12:15\u00a0a.m."])
    np.testing.assert_allclose(values[:2], [14.5, 0.25])
    values, what = column(["2:30 PM"] * 10 + ["3 pm"] * 9 + ["13:30 pm"])
    assert np.isnan(values[19])
    assert "2 of 40 values are not times ('13:30 pm')" in what.note


@pytest.mark.parametrize(
    ("cells", "hours"),
    [
        (["13:05", "9:30", "00:15", "24:00"], [13 + 5 / 60, 9.5, 0.25, 24]),
        (["15:05:07", "00:00:36", "23:59:59.5", "7:00"], [15 + 307 / 3600, 0.01, 24 - 1 / 3600, 7]),
        (["13:05", "1:05 pm", "1:05 am", "12:00"], [13 + 5 / 60, 13 + 5 / 60, 1 + 5 / 60, 12]),
    ],
)
def test_times_of_a_clock_of_24_hours_are_hours(cells, hours):
    values, what = column(cells)
    np.testing.assert_allclose(values[: len(hours)], hours)
    assert (what.kind, what.note) == (
        "number",
        "times of day, in hours since midnight, standardized",
    )


def test_times_that_do_not_exist_are_missing_and_said():
    values, what = column(["13:05"] * 10 + ["14:05"] * 9 + ["13:75"])
    assert np.isnan(values[19])
    assert "2 of 40 values are not times ('13:75')" in what.note


def test_durations_of_more_than_a_day_are_no_times_of_day():
    assert column(["13:05", "14:05"] * 19 + ["14:05", "25:30"])[1].kind == "category"


@pytest.mark.parametrize(
    "cells",
    [
        ["12-34-56", "11-33-57"],
        ["2024-13-45", "2024-14-02"],
        ["1/2/2024 25:00", "1/3/2024 26:00"],
        ["99 PM", "13 PM"],
    ],
)
def test_what_no_calendar_has_is_no_date(cells):
    assert column(cells)[1].kind == "category"
