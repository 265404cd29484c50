"""Masks: which entries of X a penalty applies to, by position or by name."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn import config_context
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from sklearn_irg import GradRegLogisticRegression, GradRegMLPClassifier
from sklearn_irg.penalties import InputGradient, Jacobian, RightReasons
from tests.problems import MULTI_X, MULTI_Y

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
NAMES = ["length", "width", "height", "depth"]
FRAME = pd.DataFrame(MULTI_X, columns=NAMES)
MASK = np.random.RandomState(0).rand(*MULTI_X.shape) < 0.5


def make(penalty="right_reasons", **options):
    return GradRegMLPClassifier((5,), penalty=penalty, max_iter=5, random_state=0, **options)


def coefs(X, mask, **options):
    return make(**options).fit(X, MULTI_Y, mask=mask).coefs_[0]


class TestByPosition:
    @pytest.mark.parametrize("penalty", [RightReasons, InputGradient])
    def test_a_mask_of_whole_columns_is_features(self, penalty):
        A = np.zeros(MULTI_X.shape, dtype=bool)
        A[:, [1, 2]] = True
        by_features = make(penalty(features=[1, 2])).fit(MULTI_X, MULTI_Y).coefs_[0]
        np.testing.assert_allclose(coefs(MULTI_X, A, penalty=penalty()), by_features, rtol=1e-6)

    def test_is_sliced_with_the_rows_in_minibatches_and_zero_weights(self):
        weight = np.arange(150) % 3 * 1.0
        some = weight > 0
        a = make(batch_size=32).fit(MULTI_X, MULTI_Y, sample_weight=weight, mask=MASK).coefs_[0]
        b = (
            make(batch_size=32)
            .fit(MULTI_X[some], MULTI_Y[some], sample_weight=weight[some], mask=MASK[some])
            .coefs_[0]
        )
        np.testing.assert_array_equal(a, b)
        assert make(early_stopping=True).fit(MULTI_X, MULTI_Y, mask=MASK).n_iter_ == 5

    def test_terms_that_do_not_use_it_do_not_see_it(self):
        alone = make(Jacobian(), alpha=0.5).fit(MULTI_X, MULTI_Y).coefs_[0]
        both = coefs(MULTI_X, MASK, penalty=Jacobian() + 0 * RightReasons(), alpha=0.5)
        np.testing.assert_array_equal(both, alone)


class TestByName:
    def test_columns_go_by_name_whatever_their_order(self):
        named = pd.DataFrame(MASK, columns=NAMES)
        expected = coefs(MULTI_X, MASK)
        np.testing.assert_array_equal(coefs(FRAME, named), expected)
        np.testing.assert_array_equal(coefs(FRAME, named[NAMES[::-1]]), expected)
        np.testing.assert_array_equal(coefs(FRAME, MASK), expected)

    def test_rows_go_by_position(self):
        shuffled = pd.DataFrame(MASK, columns=NAMES, index=np.arange(150)[::-1])
        np.testing.assert_array_equal(coefs(FRAME, shuffled), coefs(MULTI_X, MASK))

    def test_names_that_the_mask_lacks_are_false(self):
        A = MASK.copy()
        A[:, [0, 3]] = False
        np.testing.assert_array_equal(
            coefs(FRAME, pd.DataFrame(MASK, columns=NAMES)[["height", "width"]]), coefs(MULTI_X, A)
        )

    def test_names_that_this_fit_does_not_know_warn_if_they_hold_a_true(self):
        named = pd.DataFrame(MASK, columns=NAMES).assign(color=False)
        np.testing.assert_array_equal(coefs(FRAME, named), coefs(MULTI_X, MASK))
        with pytest.warns(
            UserWarning,
            match="mask is true in columns that X does not have, which has no effect: color",
        ):
            coefs(FRAME, named.assign(color=True))

    def test_frames_without_names_go_by_position(self):
        np.testing.assert_array_equal(coefs(FRAME, pd.DataFrame(MASK)), coefs(MULTI_X, MASK))

    @pytest.mark.parametrize(
        ("X", "mask", "message"),
        [
            (
                FRAME,
                pd.DataFrame({"color": np.ones(150)}),
                "no column of mask is a column of X: mask has color, and X has",
            ),
            (
                MULTI_X,
                pd.DataFrame(MASK, columns=NAMES),
                r"X has no column names to align them with.*set_output",
            ),
            (
                FRAME,
                pd.DataFrame(MASK[:, :2], columns=["width", "width"]),
                "mask names a column twice",
            ),
            (
                FRAME,
                pd.DataFrame(MASK, columns=NAMES)[:10],
                r"mask must have the shape of X, \(150, 4\); got \(10, 4\)",
            ),
            (
                FRAME,
                pd.DataFrame(MASK, columns=["length", 1, 2, 3]),
                "mask must have names for all columns or for none",
            ),
            (
                FRAME,
                pd.DataFrame(MASK, columns=NAMES).astype("boolean").mask(MASK),
                "and none missing; got values of type",
            ),
            (MULTI_X, np.full((150, 4), "1"), "mask must hold booleans, or zeros and ones"),
        ],
        ids=["unknown", "nameless", "twice", "rows", "mixed", "missing", "words"],
    )
    def test_what_cannot_be_aligned_is_an_error(self, X, mask, message):
        with pytest.raises(ValueError, match=message):
            make().fit(X, MULTI_Y, mask=mask)


class TestInPipelinesAndSearches:
    def test_is_routed(self):
        with config_context(enable_metadata_routing=True):
            model = make().set_fit_request(mask=True, sample_weight=False)
            pipe = make_pipeline(StandardScaler(), model)
            search = GridSearchCV(pipe, {"gradregmlpclassifier__alpha": [0.1, 1.0]}, cv=3).fit(
                MULTI_X, MULTI_Y, mask=MASK
            )
        direct = clone(model).set_params(alpha=search.best_params_["gradregmlpclassifier__alpha"])
        direct.fit(StandardScaler().fit_transform(MULTI_X), MULTI_Y, mask=MASK)
        np.testing.assert_allclose(
            search.best_estimator_[-1].coefs_[0], direct.coefs_[0], rtol=1e-6
        )

    def test_a_named_mask_is_cross_validated_behind_a_column_transformer_with_categories_that_folds_lack(
        self,
    ):
        table = FRAME.assign(
            color=np.where(np.arange(150) == 0, "rare", np.where(np.arange(150) % 2, "red", "blue"))
        )
        columns = make_column_transformer(
            (OneHotEncoder(sparse_output=False, handle_unknown="ignore"), ["color"]),
            (StandardScaler(), NAMES),
            verbose_feature_names_out=False,
        ).set_output(transform="pandas")
        mask = pd.DataFrame(
            False, index=table.index, columns=["color_rare", "color_red", "depth"]
        ).assign(depth=True)
        with config_context(enable_metadata_routing=True):
            model = GradRegLogisticRegression("right_reasons", max_iter=1000).set_fit_request(
                mask=True, sample_weight=False
            )
            search = GridSearchCV(
                make_pipeline(columns, model),
                {"gradreglogisticregression__alpha": [10.0]},
                cv=3,
                error_score="raise",
            ).fit(table, MULTI_Y, mask=mask)
        depth = list(search.best_estimator_[-1].feature_names_in_).index("depth")
        sizes = np.abs(search.best_estimator_[-1].coef_).max(axis=0)
        assert sizes[depth] < 0.3 * sizes.max()


@pytest.mark.parametrize(
    ("penalty", "mask", "message"),
    [
        (
            "right_reasons",
            np.ones((3, 4)),
            r"mask must have the shape of X, \(150, 4\); got \(3, 4\)",
        ),
        (
            "right_reasons",
            np.full(MULTI_X.shape, 0.5),
            "mask must hold booleans, or zeros and ones",
        ),
        (
            "right_reasons",
            np.full(MULTI_X.shape, np.nan),
            "mask must hold booleans, or zeros and ones",
        ),
        ("right_reasons", sparse.csr_array(MULTI_X > 0), "mask must be dense; got a sparse one"),
        (
            "weight_decay",
            np.ones(MULTI_X.shape),
            "mask was passed, but no term of the objective .*WeightDecay.* uses it",
        ),
        (None, np.ones(MULTI_X.shape), "mask was passed, but no term of the objective"),
    ],
    ids=["shape", "values", "nan", "sparse", "penalty", "none"],
)
def test_what_cannot_be_a_mask_is_an_error(penalty, mask, message):
    with pytest.raises(ValueError, match=message):
        make(penalty).fit(MULTI_X, MULTI_Y, mask=mask)
