"""Losses: names, likelihoods, modifications, and what they do to a fit."""

import autograd.numpy as anp
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.metrics import log_loss

from sklearn_irg import GradRegLogisticRegression, GradRegMLPClassifier, GradRegMLPRegressor
from sklearn_irg._component import Component
from sklearn_irg._engine.step import Step
from sklearn_irg.likelihoods import Bernoulli, Categorical, Poisson
from sklearn_irg.losses import (
    BatchLoss,
    Flooding,
    LabelSmoothing,
    Loss,
    NegativeLogLikelihood,
    SampleLoss,
    check_loss,
)
from sklearn_irg.penalties import RightReasons
from tests.problems import (
    MULTI_X,
    MULTI_Y,
    evaluate,
    make_objective,
    outputs_of,
    problem,
    row_losses,
)

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


ATTRIBUTES = [
    "builds_inputs",
    "depends_on_epoch",
    "differentiates_parameters",
    "group",
    "has_kinks",
    "is_detached",
    "is_stochastic",
    "likelihood",
    "needs_whole_batch",
    "replaces_likelihood",
    "samples",
    "takes_threat",
    "uses_mask",
]
METHODS = [
    "at_epoch",
    "bounded",
    "check",
    "check_other_terms",
    "prepared",
    "smoothed",
    "transform_targets",
]


class Squares(BatchLoss):
    """No mean over rows, and without labels."""

    group = "all"

    def value(self, step):
        return (step.outputs * step.outputs).sum()


class TestCheckLoss:
    @pytest.mark.parametrize(
        ("loss", "expected"),
        [
            (None, "NegativeLogLikelihood()"),
            ("poisson", "NegativeLogLikelihood(likelihood=Poisson())"),
            (Bernoulli(), "NegativeLogLikelihood(likelihood=Bernoulli())"),
            (Flooding(0.1, loss="poisson"), "Flooding(level=0.1, loss='poisson')"),
        ],
        ids=str,
    )
    def test_names_likelihoods_and_objects_mean_losses(self, loss, expected):
        assert repr(check_loss(loss)) == expected

    @pytest.mark.parametrize(
        ("loss", "message"),
        [
            (
                "smooth",
                r"loss must be None, one of 'poisson', 'squared_error', a Likelihood .*; got 'smooth'",
            ),
            (Poisson, "loss must be None"),
            (Flooding(-1), "level must be a finite number >= 0; got -1"),
            (Flooding(np.nan), "level must be a finite number >= 0; got nan"),
            (LabelSmoothing(2), "smoothing must be a finite number >= 0 and <= 1; got 2"),
            (Flooding(0.1, loss=LabelSmoothing("a")), "smoothing must be a finite number"),
            (Flooding(0.1, loss="smooth"), "loss must be None"),
            (
                NegativeLogLikelihood("poisson"),
                r"likelihood must be a Likelihood such as Poisson\(\), or None; got 'poisson'",
            ),
        ],
        ids=str,
    )
    def test_what_is_none_is_named(self, loss, message):
        with pytest.raises(ValueError, match=message):
            check_loss(loss)

    def test_modifications_are_what_they_wrap_in_all_else(self):
        wrapped = Flooding(0.1, loss=Squares())
        assert (wrapped.group, wrapped.needs_whole_batch, wrapped.likelihood) == ("all", True, None)
        assert LabelSmoothing(0.1).needs_whole_batch is False
        assert Flooding(0.1).needs_whole_batch is True
        assert isinstance(Flooding(0.1, loss=Poisson()).likelihood, Poisson)

    @pytest.mark.parametrize("Modification", [Flooding, LabelSmoothing])
    def test_modifications_forward_every_attribute_of_a_term(self, Modification):
        own = {"needs_whole_batch", "has_kinks"} if Modification is Flooding else set()
        for name in ATTRIBUTES:
            value = object()
            wrapped = Modification(0.1, loss=type("Own", (Squares,), {name: value})())
            assert getattr(wrapped, name) is (True if name in own else value), name

    @pytest.mark.parametrize("Modification", [Flooding, LabelSmoothing])
    def test_modifications_forward_every_method_of_a_term(self, Modification):
        other, counts = Squares(), {"check": 2, "prepared": 2}
        for name in METHODS:
            asked = []

            def answer(self, *args, name=name, asked=asked):
                asked.append(args)
                return {
                    "bounded": ("parametrization", other),
                    "transform_targets": np.ones((1, 1)),
                }.get(name, other)

            wrapped = Modification(0.0, loss=type("Own", (Squares,), {name: answer})())
            given = {"smoothed": (8.0,), "transform_targets": (np.ones((1, 1)), Bernoulli())}.get(
                name, (None,) * counts.get(name, 1)
            )
            found = getattr(wrapped, name)(*given)
            assert asked == [given], name
            found = found[1] if name == "bounded" else found
            if name in {"at_epoch", "bounded", "prepared", "smoothed"}:
                assert (type(found), found.inner_loss) == (Modification, other), name

    def test_no_public_name_of_a_term_is_left_out(self):
        own = {
            "contributions",
            "summands",
            "fused_summands",
            "is_loss",
            "limits_slope",
        }  # what it sums, and that it is a loss
        public = {name for name in dir(Loss) if not name.startswith("_")} - set(dir(Component))
        assert public == {*ATTRIBUTES, *METHODS, *own}

    def test_modifications_smooth_what_they_wrap(self):
        class Kinked(Squares):
            has_kinks = True

            def smoothed(self, sharpness):
                return Squares()

        wrapped = LabelSmoothing(0.1, loss=Kinked())
        assert wrapped.has_kinks
        assert type(wrapped.smoothed(8.0).inner_loss) is Squares
        assert type(wrapped.inner_loss) is Kinked

    def test_the_likelihood_of_a_loss_of_ones_own_is_verified(self):
        class Wrong(Poisson):
            def hessian_product(self, outputs, targets, residuals, vectors):
                return vectors

        loss = type("Own", (Squares,), {"likelihood": Wrong()})()
        with pytest.raises(
            ValueError, match=r"hessian_product.* of Wrong\(\) is not the derivative"
        ):
            check_loss(loss)

    def test_losses_without_their_method_cannot_be_made(self):
        for kind in (SampleLoss, BatchLoss):
            with pytest.raises(TypeError, match="abstract"):
                type("Incomplete", (kind,), {})()


class Growing(NegativeLogLikelihood):
    """Half the loss in the first two epochs."""

    depends_on_epoch = True
    factor = 1.0

    def at_epoch(self, epoch):
        if epoch >= 2:
            return self
        other = Growing()
        other.factor = 0.5
        return other

    def values(self, step):
        return self.factor * step.losses


class TestLossesThatDependOnTheEpoch:
    @pytest.mark.parametrize(
        "loss", [Flooding(0.2, loss=Growing()), LabelSmoothing(0.1, loss=Growing())], ids=str
    )
    def test_change_within_a_modification(self, loss):
        network, X, Y, theta, _ = problem()
        final = evaluate(
            make_objective(network, X, Y, loss=clone(loss).set_params(loss=None)), theta
        )[0]
        level = getattr(loss, "level", 0)
        objective = make_objective(network, X, Y, loss=loss)
        first = evaluate(objective.at_epoch(1), theta)[0]
        np.testing.assert_allclose(first, abs(0.5 * final - level) + level, rtol=1e-12)
        assert objective.at_epoch(2) is objective
        np.testing.assert_allclose(evaluate(objective, theta)[0], final, rtol=1e-12)

    def test_fit_as_without_the_modification_where_that_changes_nothing(self):
        options = {"penalty": None, "max_iter": 4, "random_state": 0}
        plain = GradRegMLPClassifier((5,), loss=Growing(), **options).fit(MULTI_X, MULTI_Y)
        flooded = GradRegMLPClassifier((5,), loss=Flooding(0.0, loss=Growing()), **options).fit(
            MULTI_X, MULTI_Y
        )
        np.testing.assert_allclose(flooded.loss_curve_, plain.loss_curve_, rtol=1e-10)
        assert plain.loss_curve_[0] < 0.7 * plain.loss_curve_[2]

    @pytest.mark.parametrize(
        "loss", [Growing(), Flooding(0.1, loss=LabelSmoothing(0.1, loss=Growing()))], ids=str
    )
    def test_are_refused_by_a_solver_without_epochs(self, loss):
        with pytest.raises(ValueError, match="LBFGS has no epochs over which anything could grow"):
            GradRegLogisticRegression(None, loss=loss).fit(MULTI_X, MULTI_Y)


class TestFlooding:
    def test_is_no_summand_of_the_objective_without_a_trace_though_its_loss_is(self):
        network, X, Y, theta, _ = problem()
        step = Step(
            make_objective(network, X, Y), theta, make_objective(network, X, Y).full_batch()
        )
        assert NegativeLogLikelihood().fused_summands(step) is not None
        assert Flooding(0.1).fused_summands(step) is None

    def test_reflects_the_mean_loss_at_its_level(self):
        network, X, Y, theta, _ = problem()
        value, gradient = evaluate(make_objective(network, X, Y), theta)
        for level, sign in [(value - 0.3, 1), (value + 0.3, -1)]:
            flooded = evaluate(make_objective(network, X, Y, loss=Flooding(level)), theta)
            np.testing.assert_allclose(flooded[0], abs(value - level) + level)
            np.testing.assert_allclose(flooded[1], sign * gradient)

    def test_keeps_the_loss_of_a_fit_up(self):
        model = GradRegMLPClassifier(
            penalty=None, loss=Flooding(0.3), max_iter=300, learning_rate_init=0.01, random_state=0
        )
        assert clone(model).set_params(loss=None).fit(MULTI_X, MULTI_Y).loss_ < 0.05
        # one step of Adam with this rate moves the loss by less than a hundredth about its level
        np.testing.assert_allclose(model.fit(MULTI_X, MULTI_Y).loss_, 0.3, atol=0.01)

    def test_lbfgs_ends_at_the_level_although_it_is_a_kink(self):
        model = GradRegLogisticRegression(None, l2=0, loss=Flooding(0.2)).fit(MULTI_X, MULTI_Y)
        np.testing.assert_allclose(log_loss(MULTI_Y, model.predict_proba(MULTI_X)), 0.2, atol=1e-3)


class TestLabelSmoothing:
    @pytest.mark.parametrize("likelihood", ["logistic", "labels", "softmax"])
    def test_is_the_loss_of_mixed_targets(self, likelihood):
        network, X, Y, theta, _ = problem(likelihood)
        soft = 0.8 * Y + 0.2 / (4 if likelihood == "softmax" else 2)
        smooth = make_objective(network, X, Y, loss=Flooding(0.0, loss=LabelSmoothing(0.2)))
        np.testing.assert_allclose(
            evaluate(smooth, theta)[0], row_losses(network, theta, soft)(X).mean(), rtol=1e-10
        )

    def test_tempers_probabilities(self):
        model = GradRegMLPClassifier(
            penalty=None, loss=LabelSmoothing(0.3), max_iter=500, random_state=0
        )
        assert model.fit(MULTI_X, MULTI_Y).predict_proba(MULTI_X).max() < 0.96

    @pytest.mark.parametrize(
        "loss", [LabelSmoothing(0.1), LabelSmoothing(0.1, loss="poisson")], ids=str
    )
    def test_has_no_meaning_for_numbers(self, loss):
        with pytest.raises(
            ValueError,
            match="LabelSmoothing mixes the probabilities of classes, so it has no meaning for",
        ):
            GradRegMLPRegressor(loss=loss).fit(MULTI_X, MULTI_Y)

    def test_needs_labels(self):
        with pytest.raises(
            ValueError,
            match=r"LabelSmoothing has no labels to smooth in Squares\(\), which reads none",
        ):
            GradRegMLPClassifier(penalty=None, loss=LabelSmoothing(0.1, loss=Squares())).fit(
                MULTI_X, MULTI_Y
            )

    def test_early_stopping_still_scores_the_labels(self):
        model = GradRegMLPClassifier(
            loss=LabelSmoothing(0.4), early_stopping=True, max_iter=100, random_state=0
        )
        assert model.fit(MULTI_X, MULTI_Y).best_validation_score_ > 0.8


class TestLikelihoodsThatDoNotFit:
    @pytest.mark.parametrize(
        "loss", ["poisson", "squared_error", Poisson(), Bernoulli(), Categorical()], ids=str
    )
    @pytest.mark.parametrize("Estimator", [GradRegLogisticRegression, GradRegMLPClassifier])
    def test_a_classifier_refuses_what_says_nothing_of_its_classes(self, Estimator, loss):
        y = np.minimum(MULTI_Y, 1) if isinstance(loss, Categorical) else MULTI_Y
        with pytest.raises(
            ValueError, match=r"is not a loss for . classes with . outputs?. Use loss=None"
        ):
            Estimator(loss=loss).fit(MULTI_X, y)

    def test_a_penalty_on_classes_refuses_counts(self):
        with pytest.raises(
            ValueError,
            match=r"RightReasons needs class probabilities, which Poisson\(\) does not have",
        ):
            GradRegMLPRegressor(penalty=RightReasons(), loss="poisson").fit(MULTI_X, MULTI_Y)

    def test_counts_must_not_be_negative(self):
        with pytest.raises(ValueError, match=r"y must be non-negative for Poisson\(\); got -1.0"):
            GradRegMLPRegressor(loss="poisson").fit(MULTI_X, MULTI_Y - 1.0)


class TestLossesOfTwoSamples:
    def test_that_are_no_sum_over_rows_are_evaluated_in_one_piece(self, monkeypatch):
        class SquaredDifference(BatchLoss):
            samples = ("first", "second")

            def value(self, step):
                f = step.outputs[:, 0]
                return (
                    anp.dot(step.weights_of("first"), f) - anp.dot(step.weights_of("second"), f)
                ) ** 2

        monkeypatch.setattr("sklearn_irg._engine.objective._BLOCK_BYTES", 1)
        network, X, _, theta, rng = problem("logistic", n_samples=200)
        first, weight = np.arange(200) < 80, rng.rand(200)
        groups = {"first": np.flatnonzero(first), "second": np.flatnonzero(~first)}
        objective = make_objective(
            network, X, None, loss=SquaredDifference(), sample_weight=weight, groups=groups
        )
        f = outputs_of(network, theta)(X)[:, 0]
        means = [np.average(f[rows], weights=weight[rows]) for rows in (first, ~first)]
        np.testing.assert_allclose(evaluate(objective, theta)[0], (means[0] - means[1]) ** 2)


class TestLossesWithoutLabels:
    def test_the_default_penalty_is_refused_by_name(self):
        with pytest.raises(
            ValueError,
            match=r"InputGradient counts .* group 'labeled', but the groups here are 'all'\. Beside .* use "
            r"penalty=None",
        ):
            GradRegMLPClassifier(loss=Squares()).fit(MULTI_X, MULTI_Y)

    def test_labels_are_out_of_reach_of_every_term(self):
        class Peeking(Squares):
            def value(self, step):
                return step.losses.sum()

        with pytest.raises(
            ValueError, match="there are no targets to read: the loss uses no labels"
        ):
            GradRegMLPClassifier(loss=Peeking(), penalty=None).fit(MULTI_X, MULTI_Y)

    def test_early_stopping_has_nothing_to_score(self):
        model = GradRegMLPClassifier(loss=Squares(), penalty=None, early_stopping=True)
        with pytest.raises(
            ValueError, match="early_stopping scores held-out labels, but loss=Squares"
        ):
            model.fit(MULTI_X, MULTI_Y)
