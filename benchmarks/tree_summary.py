"""Summary of numbers of boosted trees, compared with targets."""

import numpy as np

PROGRAM = {"linf": 100, "l2": 50, "l1": 50}  # times faster, in the median of rows
WITHIN = {1: 0.995, 10: 1.0}  # share of rows alone, by seconds
VERITAS, VERITAS_NEW = 0.6, 1.5  # of its time, without and with building tables
MEGABYTES = 500
CALLS = {
    ("HistGradientBoosting", "linf"): 0.45,
    ("HistGradientBoosting", "l2"): 2.9,
}  # seconds for breast cancer
CENSUS = 10  # milliseconds a row


def summary(cases, calls=(), memory=()):
    """Tables of what was asked for, found and reached."""
    lines = [
        *_decisions(cases),
        *_program(cases),
        *_veritas(cases),
        *_calls(calls),
        *_memory(memory),
    ]
    return "\n".join(["| | found | target | |", "| --- | --- | --- | --- |", *lines])


def _line(what, found, target="", is_met=None):
    return f"| {what} | {found} | {target} | {'' if is_met is None else 'met' if is_met else 'missed'} |"


def _decisions(found):
    if not found:
        return
    times = np.concatenate([case["alone"] for case in found])
    for limit, target in WITHIN.items():
        share = np.mean(times <= limit)
        text = f"{100 * share:.2f} % of {len(times)}"
        yield _line(f"rows alone within {limit} s", text, f"{100 * target:g} %", share >= target)
    n_rows, n_open = sum(case["n_rows"] for case in found), sum(case["open"] for case in found)
    yield _line("rows left open by 10,000 nodes", f"{n_open} of {n_rows}")
    for norm in PROGRAM:
        of_norm = [case for case in found if case["norm"] == norm]
        if of_norm:
            yield _line(
                f"ms a row, {norm}, median of cases",
                f"{np.median([case['row_ms'] for case in of_norm]):.2f}",
            )


def _program(found):
    n_differ = sum(len(case.get("program_differences", ())) for case in found)
    if any("program" in case for case in found):
        yield _line(
            "answers of the program that contradict ours", f"{n_differ}", "0", n_differ == 0
        )
    for norm, target in PROGRAM.items():
        cases = [case for case in found if case["norm"] == norm and "program" in case]
        if not cases:
            continue
        theirs = np.concatenate([case["program"] for case in cases])
        ours = np.concatenate(
            [np.full(len(case["program"]), case["program_rows"]) for case in cases]
        )
        ratio = np.median(theirs / ours)
        what = f"program's distance / our decision, {norm}"
        yield _line(
            f"{what}, {len(theirs)} rows among 50, median",
            f"{ratio:.0f}×",
            f"{target}×",
            ratio >= target,
        )
        yield _line(f"{what}, total", f"{theirs.sum() / ours.sum():.0f}×")
        for key, name in (
            ("program_alone", "our decision, row alone"),
            ("program_distance", "our distance, whole call"),
        ):
            ours = np.concatenate([case[key] for case in cases])
            theirs = np.concatenate([case["program"][: len(case[key])] for case in cases])
            text = f"{len(ours)} rows, {np.median(theirs / ours):.1f}×, total {theirs.sum() / ours.sum():.1f}×"
            yield _line(f"program's distance / {name}, {norm}, median", text)
        n_open, n_rows = (
            sum(case["program_open"] for case in cases),
            sum(len(case["program"]) for case in cases),
        )
        yield _line(
            f"rows that the program leaves open after 10 s, {norm}", f"{n_open} of {n_rows}"
        )


def _veritas(found):
    cases = [case for case in found if "veritas_ms" in case]
    if not cases:
        return
    theirs, ours, new = (
        np.array([case[key] for case in cases]) for key in ("veritas_ms", "row_ms", "new_ms")
    )
    n_compared, n_rows = (
        sum(case["compared"] for case in cases),
        sum(case["n_rows"] for case in cases),
    )
    n_open, n_compared = (
        sum(case["veritas_open"] for case in cases),
        n_compared - sum(len(case["differences"]) for case in cases),
    )
    yield _line(
        "rows on which Veritas and we agree",
        f"{n_compared} of {n_rows}, Veritas leaves {n_open} open",
    )
    for what, times, target in (("", ours, VERITAS), (" with building tables", new, VERITAS_NEW)):
        share = times.sum() / theirs.sum()
        yield _line(
            f"our time / that of Veritas{what}, total", f"{share:.2f}", f"{target}", share <= target
        )
        spread = f"{np.median(times / theirs):.2f} ({(times / theirs).min():.2f} to {(times / theirs).max():.2f})"
        yield _line(f"our time / that of Veritas{what}, median of {len(cases)} cases", spread)


def _calls(calls):
    for call in calls:
        what = f"`adversarial_accuracy`, {call['table']}, {call['kind']}, {call['norm']}, {call['n_rows']} rows"
        spent = call["cpu"]
        if call["table"] == "breast cancer":
            target = CALLS[call["kind"], call["norm"]]
            yield _line(
                what, f"{spent:.2f} s, {call['wall']:.2f} of wall", f"{target} s", spent <= target
            )
        else:
            spent = 1e3 * spent / call["n_rows"]
            yield _line(what, f"{spent:.1f} ms a row", f"{CENSUS} ms", spent <= CENSUS)


def _memory(memory):
    for call in memory:
        what = f"memory for 1000 rows, {call['table']}, {call['kind']}, {call['norm']}"
        yield _line(
            what, f"{call['megabytes']:.0f} MB", f"{MEGABYTES} MB", call["megabytes"] <= MEGABYTES
        )
