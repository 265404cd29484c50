"""The fewest columns without which a prediction fails."""

import numpy as np

from sklearn_irg._checks import InvalidParameterError, check_column, check_integer, check_real
from sklearn_irg._fitted.affine import as_fitted, predictions
from sklearn_irg._fitted.baseline import baseline_cells
from sklearn_irg._fitted.deletion_search import beam_masks, refined_masks, row_blocks
from sklearn_irg._fitted.deletions import DeletionObjective, Deletions, SmoothObjective
from sklearn_irg._fitted.extraction import loss_model_of, model_and_rows
from sklearn_irg._fitted.table_models import RefusedNumbersError
from sklearn_irg._fitted.tables import as_table

_N_ZOOMS = 4  # so that steep slopes are not passed over


def deletion_mask(estimator, X, baseline, *, alpha=0.1, categorical=(), beam_width=8):
    r"""Columns of each row that lower its prediction when they are replaced: a deletion mask.

    .. math:: \min_{m \in [0, 1]^d} \; \alpha \lVert m \rVert_1 + p_c\bigl((1 - m) \odot x + m \odot b\bigr)

    for the class c that is predicted at x and a baseline b [1]_. Here 0 keeps a column and 1
    replaces it by the baseline's; the paper's mask is one minus this one. Its blur, jitter and
    total variation are left out, since columns have no neighbors. Numbers are replaced in part
    (columns of integer types by integers), anything else (strings, flags, dates, what is missing
    on one side) as a whole.

    Sets of columns are searched by a beam search; then the share of each number of the best set is
    tuned by projected gradient descent. The result is never worse than no deletion, and is exact
    for linear models of two classes on floats. Models that contain decision trees have no
    gradients: their masks are zeros and ones. A row is followed in the class that ``predict`` gives
    it, which has to follow from the scores.

    Parameters
    ----------
    estimator : classifier
        Fitted: linear, an MLP, anything with ``decision_function`` or ``predict_proba``, or a
        pipeline of any steps and one of these. Without ``predict_proba``, probabilities are the
        logistic function or the softmax of the scores.
    X : DataFrame or array-like of shape (n_samples, n_columns)
        Samples.
    baseline : dict, Series, DataFrame or array-like of shape (n_columns,) or (n_rows, n_columns)
        Values that stand for "deleted": a row; or a table, such as that of training, for its
        medians of numbers and its most frequent levels of other columns. Matched by name where both
        have names.
    alpha : float, default=0.1
        Cost of a column, in units of probability: a column is replaced where that lowers the
        probability by more. A mask sums to at most the probability at x over alpha, so that lists
        are short.
    categorical : sequence of str or int, default=()
        Columns of numbers that are codes of levels, to be replaced as a whole, by name or position.
        Codes that are not named are replaced in part, to a code in between, which an encoder may
        refuse or ignore.
    beam_width : int, default=8
        Number of sets of columns of each size to which one more is added; 1 is a greedy search.
        Each takes up to n_columns predictions for each row.

    Returns
    -------
    mask : ndarray of shape (n_samples, n_columns)
        Between 0 (kept) and 1 (replaced by the baseline). Each row's depends on that row alone.

    Raises
    ------
    ValueError
        For a baseline of another width, with other columns, or that the estimator does not take,
        such as one with NaN; for codes of levels that an encoder refuses to see changed in part;
        and for no rows.
    TypeError
        For an estimator that is not a classifier, or whose ``predict`` does not follow its scores,
        such as one with a threshold of its own.

    See Also
    --------
    integrated_gradients : Contributions to the score that add up, in place of a short list.
    flip_rates : How often one column alone changes the class.

    References
    ----------
    .. [1] Fong and Vedaldi (2017), "Interpretable explanations of black boxes by meaningful
       perturbation".

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from sklearn.compose import make_column_transformer
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import OneHotEncoder, StandardScaler
    >>> from sklearn_irg.diagnostics import deletion_mask
    >>> rng = np.random.RandomState(0)
    >>> table = pd.DataFrame({"age": rng.randint(18, 80, 200), "debt": rng.lognormal(8, 1, 200).round()})
    >>> table["job"] = rng.choice(["office", "trade", "none"], 200, p=[0.5, 0.3, 0.2])
    >>> late = np.log(table.debt) + 2 * (table.job == "none") + 0.5 * rng.standard_normal(200) > 8.7
    >>> prepare = make_column_transformer((StandardScaler(), ["age", "debt"]), (OneHotEncoder(), ["job"]))
    >>> model = make_pipeline(prepare, LogisticRegression()).fit(table, late)
    >>> usual = {"age": 48, "debt": 2700.0, "job": "office"}
    >>> rows = table[model.predict(table)][:3]
    >>> mask = deletion_mask(model, rows, usual)
    >>> without = rows.where(mask < 0.5, pd.Series(usual), axis=1)
    >>> before, after = (model.predict_proba(some)[:, 1] for some in (rows, without))
    >>> rows.assign(deleted=[rows.columns[m > 0.5].tolist() for m in mask], before=before, after=after).round(2)
       age     debt     job deleted  before  after
    0   62  13957.0  office  [debt]    0.99   0.11
    2   71   7078.0  office  [debt]    0.62   0.12
    6   21   1740.0    none   [job]    0.55   0.05
    """
    objective = _objective(estimator, X, baseline, check_real(alpha, "alpha", 0), categorical)
    beam_width = check_integer(beam_width, "beam_width", 1)
    has_parts = not objective.model.contains_trees
    n_zooms = _N_ZOOMS if has_parts else 0
    blocks = row_blocks(*objective.deletions.differs.shape, beam_width)
    masks = np.concatenate(
        [beam_masks(objective.take(rows), beam_width, n_zooms) for rows in blocks]
    )
    return _refined(objective, masks) if has_parts else masks


def _objective(estimator, X, baseline, alpha, categorical):
    table = as_table(X)
    if not len(table):
        raise ValueError(
            f"Found array with 0 sample(s) (shape=(0, {table.n_columns})) while a minimum of 1 is "
            "required by deletion_mask."
        )
    table = as_table(X, categorical=_positions(categorical, table))
    try:
        model, rows = model_and_rows(estimator, X, table)
    except RefusedNumbersError as error:
        raise ValueError(
            f"{type(estimator).__name__} refuses numbers that it has not seen ({error.__cause__}). "
            "Name columns of codes in categorical, so that they are replaced as a whole."
        ) from error
    model.require_classes()
    label = np.searchsorted(model.classes, predictions(estimator, X))
    names = getattr(estimator, "feature_names_in_", None) if table.names is None else table.names
    deletions = Deletions(table, baseline_cells(baseline, table, names))
    _require_row(estimator, deletions)
    return DeletionObjective(
        loss_model_of(estimator, X, model, rows, table), deletions, label, alpha
    )


def _positions(columns, table):
    if isinstance(columns, str) or not hasattr(columns, "__iter__"):
        raise InvalidParameterError(
            "categorical must be a sequence of column names or positions, empty for none; got "
            f"{columns!r}."
        )
    return [check_column(column, table.n_columns, table.names, "categorical") for column in columns]


def _require_row(estimator, deletions):
    """Raise an error for a baseline that the estimator does not take."""
    row = deletions.masked(np.ones((1, deletions.table.n_columns)), np.zeros(1, dtype=int))
    try:
        estimator.predict(as_fitted(estimator, row.X))
    except Exception as error:  # libraries raise errors of their own
        raise ValueError(
            f"{type(estimator).__name__} does not take the baseline as a row: {error}"
        ) from error


def _refined(objective, masks):
    """Masks after descent by gradients, where that lowers the objective at the rows themselves."""
    rows = np.arange(len(masks))
    refined = refined_masks(SmoothObjective(objective, masks), masks)
    lower = objective(refined, rows) < objective(masks, rows)
    return np.where(lower[:, None], refined, masks)
