"""Laws that every penalty obeys, and the closed form or limit of each."""

import itertools
import pickle

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from scipy.stats import entropy as scipy_entropy
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.utils.class_weight import compute_sample_weight

from sklearn_irg import GradRegLogisticRegression, GradRegMLPClassifier
from sklearn_irg._engine.activations import ACTIVATIONS, Identity
from sklearn_irg._engine.likelihoods import Bernoulli
from sklearn_irg._engine.networks import Network
from sklearn_irg._engine.objective import Objective
from sklearn_irg._engine.rows import Rows
from sklearn_irg._engine.sensitivity import virtual_adversarial_direction
from sklearn_irg._engine.step import Step
from sklearn_irg.attacks import certified_accuracy
from sklearn_irg.constraints import Constraint, FrobeniusCap, SpectralNormalization
from sklearn_irg.losses import Flooding, LabelSmoothing, NegativeLogLikelihood, SampleLoss
from sklearn_irg.penalties import (
    AdversarialLoss,
    CertifiedLoss,
    ClassBalance,
    ConditionalEntropy,
    HiddenNoise,
    InputDropout,
    InputGradient,
    InputNoise,
    Jacobian,
    LabelNoise,
    LayerwiseVirtualAdversarial,
    LipschitzGradient,
    LocalRadius,
    ParameterGradient,
    RandomPerturbation,
    RightReasons,
    SamplePenalty,
    Scaled,
    SpectralNorm,
    Sum,
    VirtualAdversarial,
    WeightDecay,
    WeightNoise,
    WeightPenalty,
    check_penalty,
)
from tests import oracles
from tests.problems import (
    BINARY_X,
    BINARY_Y,
    LIKELIHOODS,
    MULTI_X,
    MULTI_Y,
    evaluate,
    make_objective,
    outputs_of,
    penalty_value,
    problem,
    row_losses,
)

DIFFERENTIABLE = [
    InputGradient(),
    InputGradient("l1"),
    InputGradient(power=1),
    InputGradient("l1", power=2, weights=[0, 1, 2, 3, 0.5]),
    InputGradient(features=[0, 2]),
    RightReasons(),
    RightReasons(features=[1]),
    Jacobian(),
    Jacobian(n_projections=2),
    Jacobian(features=[0, 3]),
    LipschitzGradient(bound=0.5),
    LipschitzGradient(bound=0.5, two_sided=True),
    LipschitzGradient(bound=0.3, two_sided=True, at="interpolates"),
    ParameterGradient(),
    ParameterGradient(squared=False),
    WeightDecay(),
    WeightDecay(bound=1.5),
    SpectralNorm(),
    InputNoise(std=0.3, n_draws=2),
    InputNoise(std=0.3, distribution="uniform", multiplicative=True),
    InputDropout(0.4, features=[0, 1, 4]),
    HiddenNoise(0.5),
    HiddenNoise(0.5, distribution="uniform"),
    WeightNoise(0.1, n_draws=2),
    WeightNoise(0.1, distribution="uniform"),
    LabelNoise(0.5),
    ConditionalEntropy(),
    ClassBalance(),
    ClassBalance(priors="uniform"),
    CertifiedLoss(0.2),
    CertifiedLoss(0.3, "l2", features=[0, 2]),
    CertifiedLoss(0.3, "l1"),
    InputGradient() + 0.3 * ParameterGradient() + 2 * RightReasons(features=[1]),
]
DETACHED = [
    VirtualAdversarial(epsilon=0.5),
    VirtualAdversarial(epsilon=0.5, features=[0, 3]),
    VirtualAdversarial(epsilon="local"),
    LayerwiseVirtualAdversarial(epsilon=(0.5, 0.3)),
    LayerwiseVirtualAdversarial(epsilon=(0.5, 0, 0.4), costs=(1, 0.5, 2), features=[0, 3]),
    RandomPerturbation(epsilon=0.5),
    RandomPerturbation(epsilon=LocalRadius(n_neighbors=3)),
    AdversarialLoss(epsilon=0.3),
    AdversarialLoss(epsilon=0.3, normalize=False),
    AdversarialLoss(epsilon=0.3, norm="linf", n_steps=3, clip=(-2, 2), features=[1, 2]),
]
PENALTIES = DIFFERENTIABLE + DETACHED


def of_kind(penalties, *kinds):
    """The penalties with a term of a kind, and the others."""
    having = [p for p in penalties if any(isinstance(term, kinds) for _, term in p.terms())]
    return having, [p for p in penalties if p not in having]


READ_CLASSES, READ_ANYTHING = of_kind(
    DIFFERENTIABLE, CertifiedLoss, ClassBalance, ConditionalEntropy, LabelNoise, RightReasons
)
MOVE_INPUTS, READ_INPUTS = of_kind(
    PENALTIES,
    AdversarialLoss,
    CertifiedLoss,
    InputDropout,
    InputNoise,
    LayerwiseVirtualAdversarial,
    RandomPerturbation,
    VirtualAdversarial,
)
IMPOSSIBLE = [
    (p, "labels") for p in of_kind(READ_CLASSES, ClassBalance)[0]
]  # labels do not exclude one another
AT_INTERPOLATES = [p for p in READ_INPUTS if "interpolates" in repr(p)]
DETERMINISTIC = [
    p for p in PENALTIES if not any(term.is_stochastic or term.is_detached for _, term in p.terms())
]


@pytest.mark.parametrize("penalty", PENALTIES, ids=repr)
class TestEveryPenalty:
    def test_is_non_negative(self, penalty):
        network, X, Y, theta, _ = problem()
        assert penalty_value(penalty, network, X, Y, theta) >= 0

    def test_scales_with_its_weight_and_with_alpha(self, penalty):
        network, X, Y, theta, _ = problem()
        one = penalty_value(penalty, network, X, Y, theta)
        np.testing.assert_allclose(
            penalty_value(2.5 * penalty, network, X, Y, theta), 2.5 * one, rtol=1e-9
        )
        np.testing.assert_allclose(
            penalty_value((penalty * 0.5) * 5, network, X, Y, theta), 2.5 * one, rtol=1e-9
        )

    def test_survives_clone_and_pickle(self, penalty):
        network, X, Y, theta, _ = problem()
        for copy in (clone(penalty), pickle.loads(pickle.dumps(penalty))):
            assert repr(copy) == repr(penalty)
            assert penalty_value(copy, network, X, Y, theta) == penalty_value(
                penalty, network, X, Y, theta
            )

    def test_single_precision_stays_single_and_agrees_with_double(self, penalty):
        network, X, Y, theta, _ = problem()
        results = []
        for dtype in (np.float32, np.float64):
            objective = make_objective(
                network, X.astype(dtype), Y.astype(dtype), penalty, np.float64(0.5)
            )
            results.append(evaluate(objective, theta.astype(dtype)))
            assert results[-1][1].dtype == dtype
        np.testing.assert_allclose(results[0][0], results[1][0], rtol=1e-4)
        np.testing.assert_allclose(results[0][1], results[1][1], rtol=1e-2, atol=1e-4)


@pytest.mark.parametrize("penalty", DETERMINISTIC, ids=repr)
def test_sample_weights_are_repeated_rows(penalty):
    network, X, Y, theta, _ = problem()
    counts = np.arange(1, len(X) + 1)
    weighted = make_objective(network, X, Y, penalty, 0.5, sample_weight=counts * 1.0)
    repeated = make_objective(
        network, np.repeat(X, counts, axis=0), np.repeat(Y, counts, axis=0), penalty, 0.5
    )
    left, right = evaluate(weighted, theta), evaluate(repeated, theta)
    np.testing.assert_allclose(left[0], right[0], rtol=1e-10)
    np.testing.assert_allclose(left[1], right[1], rtol=1e-8, atol=1e-13)


@pytest.mark.parametrize("hidden", [(), (7,)], ids=len)
@pytest.mark.parametrize("batches", ["everything", "minibatch"])
@pytest.mark.parametrize("penalty", [p for p in READ_INPUTS if p not in AT_INTERPOLATES], ids=repr)
def test_sparse_rows_are_dense_rows(penalty, batches, hidden):
    network, X, Y, theta, rng = problem(hidden=hidden)
    X[X < 0.5] = 0
    results = []
    for rows in (X, sparse.csr_array(X)):
        objective = make_objective(network, rows, Y, penalty)
        batch = (
            objective.full_batch()
            if batches == "everything"
            else next(objective.minibatches(7, False, rng))
        )
        results.append(objective.value_and_grad(theta, batch, np.random.RandomState(0)))
    for dense, thin in zip(*results, strict=True):
        np.testing.assert_allclose(thin, dense, rtol=1e-9, atol=1e-13)


@pytest.mark.parametrize("penalty", MOVE_INPUTS + AT_INTERPOLATES, ids=repr)
def test_what_moves_inputs_refuses_sparse_ones(penalty):
    network, X, Y, _, _ = problem()
    with pytest.raises(ValueError, match="needs a dense X; got a sparse one"):
        make_objective(network, sparse.csr_array(X), Y, penalty)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize(
    ("penalty", "likelihood"),
    [(p, kind) for p in READ_ANYTHING for kind in LIKELIHOODS]
    + [
        (p, kind)
        for p in READ_CLASSES
        for kind in ("logistic", "labels", "softmax")
        if (p, kind) not in IMPOSSIBLE
    ],
    ids=repr,
)
def test_gradient_matches_finite_differences(penalty, likelihood, activation):
    network, X, Y, theta, rng = problem(likelihood, activation)
    objective = make_objective(network, X, Y, penalty, 0.7, sample_weight=rng.rand(len(X)))
    direction = rng.randn(theta.size)
    expected = oracles.directional_derivative(lambda t: evaluate(objective, t)[0], theta, direction)
    np.testing.assert_allclose(
        evaluate(objective, theta)[1] @ direction, expected, rtol=5e-6, atol=1e-7
    )


@pytest.mark.parametrize("likelihood", ["identity", "exp"])
@pytest.mark.parametrize("penalty", READ_CLASSES, ids=repr)
def test_what_reads_classes_refuses_a_likelihood_of_numbers(penalty, likelihood):
    network, X, Y, _, _ = problem(likelihood)
    with pytest.raises(
        ValueError,
        match=r"(CertifiedLoss|RightReasons|ConditionalEntropy|ClassBalance|LabelNoise) needs class.*, "
        r"which .* does not have",
    ):
        make_objective(network, X, Y, penalty)


NOT_ZERO = (
    CertifiedLoss,  # for weights of zero
    AdversarialLoss,
    CertifiedLoss,
    ClassBalance,
    ConditionalEntropy,
    HiddenNoise,
    InputDropout,
    InputNoise,
    LabelNoise,
    ParameterGradient,
    WeightNoise,
)
LABEL_FREE = [
    ClassBalance(),
    ConditionalEntropy(),
    RightReasons(),
    Jacobian(),
    LipschitzGradient(0.5),
    VirtualAdversarial(0.5),
    LayerwiseVirtualAdversarial((0, 0.5)),
    RandomPerturbation(0.5),
]
OF_LABELS = [
    InputGradient(),
    AdversarialLoss(0.3),
    InputNoise(0.3),
    HiddenNoise(0.3),
    LabelNoise(0.3),
    ParameterGradient(),
]


@pytest.mark.parametrize("penalty", LABEL_FREE + OF_LABELS, ids=repr)
def test_unlabeled_rows_count_in_terms_that_read_no_labels_and_only_there(penalty):
    network, X, Y, theta, _ = problem(n_samples=12)
    labeled = np.arange(12) < 5
    some = penalty_value(penalty, network, X, Y, theta, labeled=labeled)
    changed = penalty_value(
        penalty, network, X, np.where(labeled[:, None], Y, Y[::-1]), theta, labeled=labeled
    )
    moved = penalty_value(
        penalty, network, np.where(labeled[:, None], X, 2 * X), Y, theta, labeled=labeled
    )
    assert changed == some  # the labels of unlabeled rows are never read
    assert (moved != some) == (penalty in LABEL_FREE)


SAVED_BY_0_1 = [  # pickles of protocol 0: InputNoise(sigma=0.3, n_draws=2) and so on
    (
        b"ccopy_reg\n_reconstructor\np0\n(csklearn_irg.penalties._noise\nInputNoise\np1\nc__builtin__\n"
        b"object\np2\nNtp3\nRp4\n(dp5\nVsigma\np6\nF0.3\nsVn_draws\np7\nI2\nsVfeatures\np8\nNs"
        b"Vdistribution\np9\nVgaussian\np10\nsVmultiplicative\np11\nI00\nsb.",
        InputNoise(std=0.3, n_draws=2),
    ),
    (
        b"ccopy_reg\n_reconstructor\np0\n(csklearn_irg.penalties._noise\nInputDropout\np1\nc__builtin__\n"
        b"object\np2\nNtp3\nRp4\n(dp5\nVrate\np6\nF0.4\nsVn_draws\np7\nI1\nsVfeatures\np8\nNsb.",
        InputDropout(p=0.4),
    ),
    (
        b"ccopy_reg\n_reconstructor\np0\n(csklearn_irg.losses._modifications\nLabelSmoothing\np1\n"
        b"c__builtin__\nobject\np2\nNtp3\nRp4\n(dp5\nVamount\np6\nF0.1\nsVloss\np7\nNsb.",
        LabelSmoothing(smoothing=0.1),
    ),
]


@pytest.mark.parametrize(("saved", "same"), SAVED_BY_0_1, ids=["noise", "dropout", "smoothing"])
def test_parameters_with_other_names_in_version_0_1_are_restored(saved, same):
    restored = pickle.loads(saved)
    assert repr(restored) == repr(same)
    assert vars(clone(restored)) == vars(same)


@pytest.mark.parametrize(
    "penalty",
    [p for p in of_kind(PENALTIES, *NOT_ZERO)[1] if "two_sided=True" not in repr(p)],
    ids=repr,
)
def test_vanishes_for_zero_weights(penalty):
    network, X, Y, theta, _ = problem()
    value, gradient = evaluate(make_objective(network, X, Y, penalty), np.zeros_like(theta))
    plain = evaluate(make_objective(network, X, Y), np.zeros_like(theta))
    np.testing.assert_allclose(value, plain[0], atol=1e-15)
    assert np.isfinite(gradient).all()


@pytest.mark.parametrize("hidden", [(), (7,), (7, 6)], ids=len)
@pytest.mark.parametrize("likelihood", LIKELIHOODS)
@pytest.mark.parametrize("norm", ["l2", "l1"])
def test_input_gradient_is_the_norm_of_the_finite_difference_gradient_of_the_loss(
    hidden, likelihood, norm
):
    network, X, Y, theta, rng = problem(likelihood, hidden=hidden)
    weight = rng.rand(len(X))
    G = oracles.input_gradients(row_losses(network, theta, Y), X)[:, [0, 2]]
    norms = (G**2).sum(axis=1) if norm == "l2" else abs(G).sum(axis=1)
    value = penalty_value(
        InputGradient(norm, features=[0, -3]), network, X, Y, theta, sample_weight=weight
    )
    np.testing.assert_allclose(value, np.average(norms, weights=weight), rtol=1e-6)


@pytest.mark.parametrize("features", [None, [1, 3]])
def test_linear_softmax_has_the_closed_form_input_gradient(features):
    network, X, Y, theta, _ = problem("softmax", hidden=())
    (W, b), columns = network.unpack(theta)[0], slice(None) if features is None else features
    G = ((oracles.means(X @ W + b, "softmax") - Y) @ W.T)[:, columns]
    value = penalty_value(InputGradient(features=features), network, X, Y, theta)
    np.testing.assert_allclose(value, (G**2).sum(axis=1).mean(), rtol=1e-12)


@pytest.mark.parametrize(("penalty", "order"), [(WeightDecay(), "fro"), (SpectralNorm(), 2)])
def test_weight_penalties_are_numpys_norms(penalty, order):
    network, X, Y, theta, _ = problem()
    expected = sum(np.linalg.norm(W, order) ** 2 for W, _ in network.unpack(theta))
    np.testing.assert_allclose(penalty_value(penalty, network, X, Y, theta), expected, rtol=1e-12)


@pytest.mark.parametrize("likelihood", ["logistic", "labels", "softmax"])
def test_right_reasons_is_the_gradient_of_summed_log_probabilities(likelihood):
    network, X, Y, theta, rng = problem(likelihood)
    A = rng.rand(*X.shape) < 0.5

    def summed_log_probabilities(X):
        P = oracles.means(outputs_of(network, theta)(X), network.likelihood.out_activation)
        return (
            np.log(P).sum(axis=1)
            if likelihood == "softmax"
            else (np.log(P) + np.log(1 - P)).sum(axis=1)
        )

    G = oracles.input_gradients(summed_log_probabilities, X)
    value = penalty_value(RightReasons(), network, X, Y, theta)
    np.testing.assert_allclose(value, (G**2).sum(axis=1).mean(), rtol=1e-7)
    masked = penalty_value(RightReasons(features=[0, 1]), network, X, Y, theta, mask=A)
    np.testing.assert_allclose(masked, ((A * G)[:, :2] ** 2).sum(axis=1).mean(), rtol=1e-7)


@pytest.mark.parametrize("likelihood", ["logistic", "labels", "softmax"])
def test_conditional_entropy_is_scipys(likelihood):
    network, X, Y, theta, _ = problem(likelihood)
    P = oracles.means(outputs_of(network, theta)(X), network.likelihood.out_activation)
    of_rows = (
        scipy_entropy(P, axis=1)
        if likelihood == "softmax"
        else scipy_entropy([P, 1 - P]).sum(axis=1)
    )
    np.testing.assert_allclose(
        penalty_value(ConditionalEntropy(), network, X, Y, theta), of_rows.mean(), rtol=1e-12
    )
    sure = evaluate(make_objective(network, X, Y, ConditionalEntropy()), 1e3 * theta)
    assert np.isfinite(sure[0])
    assert np.isfinite(sure[1]).all()


class TestClassBalance:
    @pytest.mark.parametrize("likelihood", ["logistic", "softmax"])
    @pytest.mark.parametrize("priors", ["uniform", "labeled", "given"])
    def test_is_scipys_divergence_of_the_mean_prediction(self, likelihood, priors):
        network, X, Y, theta, rng = problem(likelihood)
        labeled, weight = np.arange(20) < 15, rng.rand(20)
        P = oracles.means(outputs_of(network, theta)(X), network.likelihood.out_activation)
        P, Y2 = (np.hstack([1 - A, A]) if likelihood == "logistic" else A for A in (P, Y))
        shares = weight[:15] @ Y2[:15]
        given = np.arange(1, P.shape[1] + 1)
        expected = scipy_entropy(
            {"uniform": np.ones_like(given), "labeled": shares, "given": given}[priors], weight @ P
        )
        penalty = ClassBalance(list(given) if priors == "given" else priors)
        value = penalty_value(penalty, network, X, Y, theta, sample_weight=weight, labeled=labeled)
        np.testing.assert_allclose(value, expected, rtol=1e-9)

    def test_only_ratios_of_weights_matter_to_it(self):
        network, X, Y, theta, rng = problem()
        weight = rng.rand(20)
        values = [
            penalty_value(ClassBalance(), network, X, Y, theta, sample_weight=c * weight)
            for c in (1e-3, 1, 1e3)
        ]
        np.testing.assert_allclose(values, values[0], rtol=1e-12)

    @pytest.mark.parametrize("labels", ["two", "three"])
    @pytest.mark.parametrize("class_weight", ["balanced", {0: 5, 1: 0.5, 2: 3}], ids=str)
    @pytest.mark.parametrize("amount", [0.0, 0.3])
    def test_shares_and_mean_depend_on_no_weight_of_a_class_and_no_smoothing(
        self, labels, class_weight, amount
    ):
        y = MULTI_Y[20:] if labels == "three" else np.minimum(MULTI_Y[20:], 1)
        X, weight = MULTI_X[20:], np.random.RandomState(0).rand(130)
        class_weight = (
            {k: class_weight[k] for k in np.unique(y)}
            if isinstance(class_weight, dict)
            else class_weight
        )
        options = {
            "l2": 0.0,
            "loss": LabelSmoothing(amount),
            "class_weight": class_weight,
            "max_iter": 1000,
        }
        model = GradRegLogisticRegression(ClassBalance(), 2.0, **options).fit(X, y, weight)
        P, K = model.predict_proba(X), len(model.classes_)
        of_classes = compute_sample_weight(class_weight, y)
        if class_weight == "balanced":
            of_classes = (weight.sum() / (K * np.bincount(y, weight)))[y]
        soft = (1 - amount) * np.eye(K)[y] + amount / K
        loss = np.average(-(soft * np.log(P)).sum(axis=1), weights=weight * of_classes)
        expected = scipy_entropy(np.bincount(y, weight), weight @ P)
        np.testing.assert_allclose(model.loss_, loss + 2 * expected, rtol=1e-9)

    def test_in_minibatches_class_weights_do_not_move_the_mean_either(self):
        network, X, Y, theta, rng = problem()
        factors = np.array([1, 2, 5, 9.0])[Y.argmax(axis=1)]
        terms = [(1.0, ClassBalance())]
        both = [
            Objective(network, Rows(X, Y, sample_weight=weights, row_weight=given), terms)
            for weights, given in ((None, None), (factors, np.ones(20)))
        ]
        for batch in zip(*(one.minibatches(7, False, rng) for one in both), strict=True):
            values = [
                one.value(theta, b) / b.weights["all"].sum()
                for one, b in zip(both, batch, strict=True)
            ]
            np.testing.assert_allclose(*values, rtol=1e-12)

    def test_a_class_without_labeled_rows_has_no_share(self):
        network, X, Y, theta, _ = problem()
        Y = np.roll(Y, 1, axis=1) * [0, 1, 1, 1]
        P = oracles.means(outputs_of(network, theta)(X), "softmax").mean(axis=0)
        Y[Y.sum(axis=1) == 0, 1] = 1
        expected = scipy_entropy(Y.sum(axis=0), P)
        np.testing.assert_allclose(
            penalty_value(ClassBalance(), network, X, Y, theta), expected, rtol=1e-9
        )

    def test_a_class_that_is_given_up_stays_finite(self):
        network, X, Y, theta, _ = problem()
        network.unpack(theta)[-1][1][0] = -1e4
        assert 100 < penalty_value(ClassBalance(), network, X, Y, theta) < 1000
        gradient = evaluate(make_objective(network, X, Y, ClassBalance()), theta)[1]
        assert np.isfinite(gradient).all()

    @pytest.mark.parametrize(
        ("priors", "likelihood", "message"),
        [
            (
                [0.5, 0.5],
                "softmax",
                r"priors of ClassBalance must be 4 numbers, one per class; got \[0.5, 0.5\]",
            ),
            (
                "labeled",
                "labels",
                "needs classes that exclude one another; got an indicator of labels",
            ),
        ],
    )
    def test_priors_that_do_not_fit_are_refused(self, priors, likelihood, message):
        network, X, Y, theta, _ = problem(likelihood)
        with pytest.raises(ValueError, match=message):
            penalty_value(ClassBalance(priors), network, X, Y, theta)

    def test_the_index_of_a_series_is_not_ignored(self):
        shares = pd.Series([0, 1, 1, 1, 2, 3]).value_counts(normalize=True)
        with pytest.raises(
            ValueError, match="priors of ClassBalance are taken in the order of classes_"
        ):
            ClassBalance(shares).check_parameters()


class TestLocalRadius:
    def test_neither_a_constant_column_nor_a_shift_nor_the_scale_changes_it(self):
        X = np.random.RandomState(0).randn(60, 20)
        radii = LocalRadius().radii(X)
        np.testing.assert_allclose(
            LocalRadius().radii(np.c_[X, np.full(60, 1e9)]), radii, rtol=1e-6
        )
        np.testing.assert_allclose(LocalRadius().radii(X + 1e7), radii, rtol=1e-6)
        for scale in (1e-200, 1e200):
            np.testing.assert_allclose(LocalRadius().radii(X * scale), radii * scale, rtol=1e-9)

    def test_is_a_fraction_of_the_distance_to_a_neighbor(self):
        X = np.array([[0.0], [1.0], [3.0], [7.0]])
        np.testing.assert_allclose(LocalRadius(0.5, n_neighbors=2).radii(X), [1.5, 1.0, 1.5, 3.0])
        np.testing.assert_allclose(LocalRadius(1.0, n_neighbors=99).radii(X), [7, 6, 4, 7])

    @pytest.mark.parametrize("kind", [RandomPerturbation, VirtualAdversarial])
    def test_each_row_keeps_its_own_in_blocks_and_minibatches(self, kind):
        network, X, Y, theta, _ = problem()
        objective = make_objective(network, X, Y, kind("local"))
        expected = LocalRadius().radii(X)
        batch = list(objective.minibatches(7, True, np.random.RandomState(0)))[1]
        for some in (
            objective.full_batch(),
            batch,
            batch.blocks(3)[1],
            objective.full_batch().blocks(6)[2],
        ):
            moved = perturbed(objective.terms[1][1], objective, theta, some)[1]
            np.testing.assert_allclose(
                np.linalg.norm(moved - some.X, axis=1), expected[some.rows], rtol=1e-10
            )

    def test_a_row_alone_has_no_neighbors(self):
        network, X, Y, _, _ = problem()
        with pytest.raises(
            ValueError,
            match=r'epsilon="local" needs at least 2 rows to have neighbors; got n_samples=1\.',
        ):
            make_objective(network, X[:1], Y[:1], VirtualAdversarial("local"))


def shifted(X, random_state):
    return np.roll(X, 1, axis=1) + random_state.standard_normal((len(X), 1))


class TestTransform:
    def test_the_change_is_from_the_prediction_at_the_row_to_that_at_the_transformed_one(self):
        network, X, Y, theta, _ = problem()
        value = penalty_value(
            RandomPerturbation(0, transform=lambda X, rng: np.roll(X, 1, axis=1)),
            network,
            X,
            Y,
            theta,
        )
        f = outputs_of(network, theta)
        P, Q = (oracles.means(f(rows), "softmax") for rows in (X, np.roll(X, 1, axis=1)))
        np.testing.assert_allclose(value, scipy_entropy(P, Q, axis=1).mean(), rtol=1e-10)

    @pytest.mark.parametrize("kind", [RandomPerturbation, VirtualAdversarial])
    def test_the_perturbation_is_added_there(self, kind):
        network, X, Y, theta, _ = problem()
        objective = make_objective(network, X, Y, kind(0.3, transform=lambda X, rng: 2 * X))
        moved = perturbed(objective.terms[1][1], objective, theta)[1]
        np.testing.assert_allclose(np.linalg.norm(moved - 2 * X, axis=1), 0.3, rtol=1e-10)

    def test_draws_from_the_random_numbers_of_the_fit(self):
        network, X, Y, theta, _ = problem()
        objective = make_objective(network, X, Y, RandomPerturbation(0, transform=shifted))
        assert (
            evaluate(objective, theta, 0)[0]
            == evaluate(objective, theta, 0)[0]
            != evaluate(objective, theta, 1)[0]
        )

    @pytest.mark.parametrize(
        ("transform", "found"),
        [
            (lambda X, rng: X[:, :2], r"shape \(20, 2\)"),
            (lambda X, rng: X * np.nan, "values that are not finite numbers"),
            (lambda X, rng: X.astype(str), "values that are not finite numbers"),
        ],
    )
    def test_what_is_not_rows_is_refused(self, transform, found):
        network, X, Y, theta, _ = problem()
        with pytest.raises(
            ValueError, match=f"must return finite rows of shape \\(20, 5\\); got .*{found}"
        ):
            evaluate(make_objective(network, X, Y, VirtualAdversarial(transform=transform)), theta)


@pytest.mark.parametrize("likelihood", ["logistic", "softmax"])
def test_jacobian_is_that_of_finite_differences_and_projections_are_unbiased(likelihood):
    network, X, Y, theta, _ = problem(likelihood)
    f = outputs_of(network, theta)
    J = [oracles.input_gradients(lambda X, k=k: f(X)[:, k], X) for k in range(Y.shape[1])]
    exact = sum((G**2).sum(axis=1) for G in J).mean()
    np.testing.assert_allclose(penalty_value(Jacobian(), network, X, Y, theta), exact, rtol=1e-7)
    projected = penalty_value(Jacobian(n_projections=2000), network, X, Y, theta)
    # the standard deviation of a mean over 2000 draws and 20 rows is below 0.7 %
    np.testing.assert_allclose(projected, exact, rtol=0.02)


@pytest.mark.parametrize("two_sided", [True, False])
def test_lipschitz_gradient_is_the_squared_excess(two_sided):
    network, X, Y, theta, _ = problem("softmax", hidden=())
    W, bound = network.unpack(theta)[0][0], 1.3
    excess = np.linalg.norm(W) - bound
    expected = excess**2 if two_sided else max(excess, 0) ** 2
    penalty = LipschitzGradient(bound, two_sided)
    np.testing.assert_allclose(penalty_value(penalty, network, X, Y, theta), expected, rtol=1e-7)
    gradient = evaluate(
        make_objective(network, X, Y, LipschitzGradient(1.0, True)), np.zeros_like(theta)
    )[1]
    assert np.isfinite(gradient).all()


@pytest.mark.parametrize("likelihood", LIKELIHOODS)
def test_parameter_gradient_is_the_squared_gradient_of_the_loss(likelihood):
    network, X, Y, theta, rng = problem(likelihood)
    weight = rng.rand(len(X))
    plain = evaluate(make_objective(network, X, Y, sample_weight=weight), theta)[1]
    value = penalty_value(ParameterGradient(), network, X, Y, theta, sample_weight=weight)
    np.testing.assert_allclose(value, plain @ plain, rtol=1e-9)


class TestNormOfTheParameterGradient:
    @pytest.mark.parametrize("likelihood", LIKELIHOODS)
    def test_is_the_root_of_its_square(self, likelihood):
        network, X, Y, theta, rng = problem(likelihood)
        options = {"sample_weight": rng.rand(len(X))}
        square = penalty_value(ParameterGradient(), network, X, Y, theta, **options)
        norm = penalty_value(ParameterGradient(squared=False), network, X, Y, theta, **options)
        np.testing.assert_allclose(norm, square**0.5, rtol=1e-12)

    @pytest.mark.parametrize("likelihood", LIKELIHOODS)
    def test_its_gradient_is_the_change_of_the_gradient_along_itself(self, likelihood):
        # equation (5) of Zhao et al. (2022), with a central difference
        network, X, Y, theta, _ = problem(likelihood)
        plain = make_objective(network, X, Y)
        gradient, r = evaluate(plain, theta)[1], 1e-5
        step = r * gradient / np.linalg.norm(gradient)
        expected = (evaluate(plain, theta + step)[1] - evaluate(plain, theta - step)[1]) / (2 * r)
        both = evaluate(make_objective(network, X, Y, ParameterGradient(squared=False)), theta)[1]
        np.testing.assert_allclose(both - gradient, expected, rtol=1e-6, atol=1e-9)

    def test_agrees_with_torch(self):
        torch = pytest.importorskip("torch", reason="torch is in the dev group only")
        network, X, Y, theta, _ = problem("softmax", "softplus")
        value, gradient = evaluate(
            make_objective(network, X, Y, ParameterGradient(squared=False), 0.5), theta
        )
        layers = [
            [torch.tensor(a, requires_grad=True) for a in layer] for layer in network.unpack(theta)
        ]
        parameters = [a for layer in layers for a in layer]
        A = torch.tensor(X)
        for l, (W, b) in enumerate(layers):
            A = A @ W + b
            A = torch.nn.functional.softplus(A) if l < 2 else A
        loss = -(torch.tensor(Y) * torch.log_softmax(A, dim=1)).sum() / len(X)
        squares = [(g * g).sum() for g in torch.autograd.grad(loss, parameters, create_graph=True)]
        total = loss + 0.5 * sum(squares).sqrt()
        expected = torch.cat([g.ravel() for g in torch.autograd.grad(total, parameters)])
        np.testing.assert_allclose(value, total.item(), rtol=1e-9)
        np.testing.assert_allclose(gradient, expected.numpy(), rtol=1e-9, atol=1e-12)

    def test_has_a_derivative_of_zero_where_the_gradient_is_zero(self):
        network, X, _, theta, _ = problem("identity")
        targets = np.array(network.forward(theta, X)[-1])
        gradient = evaluate(
            make_objective(network, X, targets, ParameterGradient(squared=False)), theta
        )[1]
        np.testing.assert_array_equal(gradient, 0)

    def test_lbfgs_reaches_the_kink_where_that_is_the_optimum(self):
        X, y = MULTI_X[50:], MULTI_Y[50:]  # classes that overlap, so that the loss has a minimum
        options = {"l2": 0, "tol": 1e-7, "max_iter": 5000}
        plain = GradRegLogisticRegression(None, **options).fit(X, y)
        held = GradRegLogisticRegression(ParameterGradient(squared=False), 10.0, **options).fit(
            X, y
        )
        np.testing.assert_allclose(held.coef_, plain.coef_, rtol=1e-3)

    def test_lbfgs_finds_the_optimum_away_from_the_kink(self):
        penalty = ParameterGradient(squared=False)
        model = GradRegLogisticRegression(penalty, 0.5, l2=5.0, tol=1e-7, max_iter=5000).fit(
            MULTI_X, MULTI_Y
        )
        network = Network((4, 3), Identity(), LIKELIHOODS["softmax"][0])
        objective = make_objective(network, MULTI_X, np.eye(3)[MULTI_Y], penalty, 0.5)
        theta = np.append(model.coef_.T.ravel(), model.intercept_)
        gradient = evaluate(objective, theta)[1]
        gradient[:12] += 5.0 / len(MULTI_X) * theta[:12]
        assert abs(gradient).max() < 1e-6

    def test_squared_is_a_boolean(self):
        with pytest.raises(
            ValueError, match="squared of ParameterGradient must be True or False; got 'no'"
        ):
            GradRegMLPClassifier(penalty=ParameterGradient(squared="no")).fit(MULTI_X, MULTI_Y)


class TestParameterGradientAndParametrizations:
    """It is the gradient of what is trained, or refused."""

    @pytest.mark.parametrize("hidden", [(), (7, 6)], ids=["linear", "hidden"])
    @pytest.mark.parametrize("likelihood", ["logistic", "softmax", "identity"])
    def test_is_that_of_the_weights_before_they_are_normalised(self, likelihood, hidden):
        network, X, Y, theta, rng = problem(likelihood, hidden=hidden)
        options = {"sample_weight": rng.rand(len(X)), "constraint": SpectralNormalization(3.0)}
        plain = evaluate(make_objective(network, X, Y, **options), theta)[1]
        value = penalty_value(ParameterGradient(), network, X, Y, theta, **options)
        np.testing.assert_allclose(value, plain @ plain, rtol=1e-9)
        objective = make_objective(network, X, Y, ParameterGradient(), **options)
        direction, h = rng.standard_normal(theta.shape), 1e-6
        ends = [evaluate(objective, theta + sign * h * direction)[0] for sign in (1, -1)]
        np.testing.assert_allclose(
            (ends[0] - ends[1]) / (2 * h), evaluate(objective, theta)[1] @ direction, rtol=1e-6
        )

    def test_under_spectral_normalization_agrees_with_torch(self):
        torch = pytest.importorskip("torch", reason="torch is in the dev group only")
        network, X, Y, theta, _ = problem("softmax", "softplus")
        constraint = SpectralNormalization(2.0)
        value, gradient = evaluate(
            make_objective(network, X, Y, ParameterGradient(), 0.5, constraint=constraint), theta
        )
        layers = [
            [torch.tensor(a, requires_grad=True) for a in layer] for layer in network.unpack(theta)
        ]
        parameters = [a for layer in layers for a in layer]
        A = torch.tensor(X)
        for l, (W, b) in enumerate(layers):
            A = A @ (2.0 ** (1 / 3) * W / torch.linalg.matrix_norm(W, 2)) + b
            A = torch.nn.functional.softplus(A) if l < 2 else A
        loss = -(torch.tensor(Y) * torch.log_softmax(A, dim=1)).sum() / len(X)
        total = loss + 0.5 * sum(
            (g * g).sum() for g in torch.autograd.grad(loss, parameters, create_graph=True)
        )
        expected = torch.cat([g.ravel() for g in torch.autograd.grad(total, parameters)])
        np.testing.assert_allclose(value, total.item(), rtol=1e-10)
        np.testing.assert_allclose(gradient, expected.numpy(), rtol=1e-8, atol=1e-10)

    def test_under_power_iterations_is_the_gradient_that_these_give(self):
        network, X, Y, theta, _ = problem()
        constraint = SpectralNormalization(3.0, n_iterations=2)
        plain = evaluate(make_objective(network, X, Y, constraint=constraint), theta)[1]
        value = penalty_value(ParameterGradient(), network, X, Y, theta, constraint=constraint)
        np.testing.assert_allclose(value, plain @ plain, rtol=1e-9)
        both = make_objective(network, X, Y, ParameterGradient(), constraint=constraint)
        assert np.isfinite(evaluate(both, theta)[1]).all()

    def test_is_refused_where_the_gradient_of_what_is_trained_is_unknown(self):
        class Doubled(Constraint):
            def transform(self, network, theta):
                return 2 * theta

        penalty = InputGradient() + 0.1 * ParameterGradient()
        cases = [
            ({"batch_normalization": True}, "BatchNormalization"),
            ({"constraint": Doubled()}, "Doubled"),
        ]
        for options, name in cases:
            model = GradRegMLPClassifier((4,), penalty=penalty, **options)
            with pytest.raises(
                ValueError,
                match=rf"ParameterGradient is a derivative .*, which under {name} are not",
            ):
                model.fit(MULTI_X, MULTI_Y)

    def test_is_the_same_under_a_projection_which_changes_no_weight_in_the_forward_pass(self):
        network, X, Y, theta, _ = problem()
        plain = penalty_value(ParameterGradient(), network, X, Y, theta)
        assert (
            penalty_value(ParameterGradient(), network, X, Y, theta, constraint=FrobeniusCap(0.5))
            == plain
        )

    def test_is_the_same_in_the_parameters_with_bounds_that_exact_zeros_need(self):
        penalty = InputGradient("l1") + 0.1 * ParameterGradient()
        model = GradRegLogisticRegression(penalty, 0.1, tol=1e-6, max_iter=2000).fit(
            MULTI_X, MULTI_Y
        )
        network = Network((4, 3), Identity(), LIKELIHOODS["softmax"][0])
        theta = np.append(model.coef_.T.ravel(), model.intercept_)
        objective = make_objective(network, MULTI_X, np.eye(3)[MULTI_Y], penalty, 0.1)
        decay = (model.coef_**2).sum() / (2 * len(MULTI_X))
        np.testing.assert_allclose(model.loss_, evaluate(objective, theta)[0] + decay, rtol=1e-9)


@pytest.mark.parametrize(
    ("options", "penalty", "share"),
    [
        ({"norm": "l2"}, InputGradient(power=1), 1),
        ({"norm": "linf"}, InputGradient("l1"), 1),
        (
            {"normalize": False},
            InputGradient(),
            0.5,
        ),  # the perturbation is a constant, so half of the derivative is missing
    ],
    ids=["unit", "sign", "gradient"],
)
def test_adversarial_training_with_a_small_radius_is_a_gradient_penalty(options, penalty, share):
    network, X, Y, theta, _ = problem()
    losses, epsilon = row_losses(network, theta, Y), 1e-5
    (value, gradient), (plain, plain_gradient) = (
        evaluate(make_objective(network, X, Y, term, 1.0, loss=None), theta)
        for term in (AdversarialLoss(epsilon, **options), AdversarialLoss(1e-300, **options))
    )
    expected, of_penalty = evaluate(make_objective(network, X, Y, penalty), theta)
    loss, of_loss = evaluate(make_objective(network, X, Y), theta)
    np.testing.assert_allclose((value - plain) / epsilon, expected - loss, rtol=1e-3)
    slopes, expected = (gradient - plain_gradient) / epsilon, share * (of_penalty - of_loss)
    np.testing.assert_allclose(slopes, expected, rtol=1e-2, atol=1e-3 * abs(expected).max())
    order = {"linf": 1}.get(options.get("norm"), 2)
    norms = np.linalg.norm(oracles.input_gradients(losses, X), ord=order, axis=1) ** (
        1 if options.get("norm") else 2
    )
    np.testing.assert_allclose((value - plain) / epsilon, norms.mean(), rtol=1e-3)


def test_one_step_down_and_one_up_descend_the_squared_gradient():
    # flooding at its level: θ' - θ = -½ ε² ∇‖∇L‖² + O(ε³)
    network, X, Y, theta, _ = problem()
    plain, epsilon = make_objective(network, X, Y), 1e-4
    down = theta - epsilon * evaluate(plain, theta)[1]
    up = down + epsilon * evaluate(plain, down)[1]
    both = evaluate(make_objective(network, X, Y, ParameterGradient()), theta)[1]
    expected = -0.5 * epsilon**2 * (both - evaluate(plain, theta)[1])
    np.testing.assert_allclose(up - theta, expected, rtol=0.01, atol=1e-3 * abs(expected).max())


@pytest.mark.parametrize(("norm", "power"), [("l2", None), ("l2", 1), ("l1", None), ("l1", 2)])
def test_feature_costs_multiply_derivatives_by_name_or_position(norm, power):
    network, X, Y, theta, _ = problem()
    G = oracles.input_gradients(row_losses(network, theta, Y), X) * [1, 5, 1, 0, 1]
    norms = np.linalg.norm(G, ord=int(norm[1]), axis=1) ** (power or int(norm[1]))
    for weights, names in (
        ({"b": 5.0, "d": 0}, list("abcde")),
        ({1: 5.0, -2: 0}, None),
        ([1, 5, 1, 0, 1], None),
    ):
        penalty = InputGradient(norm, weights=weights, power=power)
        value = penalty_value(penalty, network, X, Y, theta, feature_names=names)
        np.testing.assert_allclose(value, norms.mean(), rtol=1e-6)


def test_costs_of_many_columns_are_not_mixed_up():
    rng = np.random.RandomState(0)
    X, Y = rng.randn(5, 2000), np.eye(4)[rng.randint(4, size=5)]
    plain = problem(hidden=())[0]
    network = type(plain)((2000, 4), plain.activation, plain.likelihood)
    theta = network.initialize(rng, np.float64)
    one, other = np.ones(2000), np.ones(2000)
    other[1000] = 1e3
    single = [penalty_value(InputGradient(weights=w), network, X, Y, theta) for w in (one, other)]
    both = penalty_value(
        InputGradient(weights=one) + InputGradient(weights=other), network, X, Y, theta
    )
    np.testing.assert_allclose(both, sum(single), rtol=1e-9)


class TestNoise:
    def average(self, penalty, n_draws=4000, likelihood="softmax", hidden=(7, 6)):
        network, X, Y, theta, _ = problem(likelihood, hidden=hidden, n_samples=6)
        rng = np.random.RandomState(0)
        objective = make_objective(
            network, np.repeat(X, n_draws, axis=0), np.repeat(Y, n_draws, axis=0), penalty
        )
        batch = objective.full_batch()
        return objective.value(theta, batch, rng, objective.terms[1:]), network, X, Y, theta

    def test_of_labels_is_smoothing_on_average(self):
        value, network, X, Y, theta = self.average(LabelNoise(0.3))
        expected = row_losses(network, theta, 0.7 * Y + 0.3 / 4)(X).mean()
        np.testing.assert_allclose(value, expected, rtol=0.01)

    def test_uniform_noise_has_the_same_standard_deviation(self):
        gaussian, uniform = (
            self.average(InputNoise(0.05, distribution=d))[0] for d in ("gaussian", "uniform")
        )
        np.testing.assert_allclose(gaussian, uniform, rtol=1e-3)

    def test_dropped_inputs_keep_their_mean(self):
        network, X, Y, theta, _ = problem()
        objective = make_objective(
            network,
            np.repeat(X, 500, axis=0),
            np.repeat(Y, 500, axis=0),
            InputDropout(0.3, features=[0, 1]),
        )
        moved = perturbed(InputDropout(0.3, features=[0, 1]), objective, theta)[1].reshape(
            20, 500, 5
        )
        np.testing.assert_array_equal(moved[:, :, 2:], np.repeat(X[:, None, 2:], 500, axis=1))
        assert np.mean(moved[:, :, :2] == 0) == pytest.approx(0.3, abs=0.02)
        np.testing.assert_allclose(moved.mean(axis=1), X, rtol=0.15)

    def test_multiplicative_noise_is_in_proportion(self):
        network, X, Y, theta, _ = problem()
        penalty = InputNoise(0.1, distribution="uniform", multiplicative=True)
        moved = perturbed(penalty, make_objective(network, X, Y, penalty), theta)[1]
        assert (abs(moved / X - 1) <= 0.1 * np.sqrt(3)).all()
        assert (moved != X).all()

    def test_of_hidden_units_is_added_before_the_activation(self):
        network, X, _, theta, rng = problem(hidden=(7,))
        noise = rng.randn(20, 7)
        (W, b), (V, c) = network.unpack(theta)
        expected = np.tanh(X @ W + b + noise) @ V + c
        np.testing.assert_allclose(
            network.forward(theta, X, noise=[noise])[-1], expected, rtol=1e-12
        )

    def test_of_weights_is_one_draw_for_all_rows(self):
        network, X, Y, theta, _ = problem()
        penalty = WeightNoise(0.2)
        value = penalty_value(penalty, network, X, Y, theta)
        noisy = theta + 0.2 * np.random.RandomState(0).standard_normal(theta.shape)
        np.testing.assert_allclose(value, row_losses(network, noisy, Y)(X).mean(), rtol=1e-10)


def test_a_bound_leaves_small_matrices_alone():
    network, X, Y, theta, _ = problem()
    norms = np.array([np.linalg.norm(W) for W, _ in network.unpack(theta)])
    bound = np.median(norms)
    expected = (np.maximum(norms - bound, 0) ** 2).sum()
    np.testing.assert_allclose(
        penalty_value(WeightDecay(bound=bound), network, X, Y, theta), expected, rtol=1e-9
    )


def test_power_iterations_find_the_spectral_norm_from_below():
    network, X, Y, theta, _ = problem()
    exact = penalty_value(SpectralNorm(), network, X, Y, theta)
    values = [
        penalty_value(SpectralNorm(n_iterations=n), network, X, Y, theta) for n in (1, 3, 10, 200)
    ]
    assert values == sorted(values)
    assert values[0] < 0.95 * exact
    np.testing.assert_allclose(values[-1], exact, rtol=1e-9)


def test_power_iterations_leave_a_start_that_is_orthogonal_to_all_columns():
    network, X, Y, theta, _ = problem("logistic", hidden=())
    W, _ = network.unpack(theta)[0]
    W -= W.mean()
    exact = penalty_value(SpectralNorm(), network, X, Y, theta)
    np.testing.assert_allclose(
        penalty_value(SpectralNorm(n_iterations=1), network, X, Y, theta), exact, rtol=1e-9
    )


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_an_unsquared_norm_does_not_hold_a_linear_model_at_its_start():
    # the norm of r w has its kink at w = 0, where fits start
    X = np.random.RandomState(0).randn(200, 3)
    y = X[:, 0] + np.random.RandomState(1).randn(200) > 1.4
    model = GradRegLogisticRegression(InputGradient(power=1), alpha=3.0, max_iter=1000).fit(X, y)
    assert abs(model.coef_).max() < 1e-3
    np.testing.assert_allclose(model.intercept_, np.log(y.mean() / (1 - y.mean())), rtol=1e-3)


def test_weights_of_zero_and_names_of_a_series_are_not_ignored():
    X, y = (
        pd.DataFrame(np.random.RandomState(0).randn(40, 2), columns=["a", "b"]),
        np.arange(40) % 2,
    )
    with pytest.raises(ValueError, match="weights are all zero, so nothing would be penalized"):
        GradRegLogisticRegression(InputGradient(weights=[0, 0])).fit(X, y)
    options = {"b": 5.0, "a": 1.0}
    models = [
        GradRegLogisticRegression(InputGradient(weights=w)).fit(X, y)
        for w in (options, pd.Series(options))
    ]
    np.testing.assert_array_equal(models[0].coef_, models[1].coef_)


def test_adversarial_loss_of_a_linear_binary_model_is_its_closed_form():
    network, X, Y, theta, _ = problem("logistic", hidden=())
    W, b = network.unpack(theta)[0]
    for norm, dual in [("l2", np.linalg.norm(W)), ("linf", abs(W).sum())]:
        expected = np.logaddexp(0, -(2 * Y - 1) * (X @ W + b) + 0.3 * dual).mean()
        value = penalty_value(AdversarialLoss(0.3, norm=norm), network, X, Y, theta)
        np.testing.assert_allclose(value, expected, rtol=1e-10)


def test_input_noise_tends_to_loss_plus_half_sigma_squared_times_the_trace_of_the_hessian():
    network, X, Y, theta, _ = problem("softmax", hidden=(), n_samples=3)
    (W, b), sigma = network.unpack(theta)[0], 0.05
    P = oracles.means(X @ W + b, "softmax")
    traces = [np.trace(W @ (np.diag(p) - np.outer(p, p)) @ W.T) for p in P]
    losses = row_losses(network, theta, Y)(X)
    value = penalty_value(
        InputNoise(sigma, n_draws=1),
        network,
        np.repeat(X, 400000, axis=0),
        np.repeat(Y, 400000, axis=0),
        theta,
    )
    # noise of the mean of 1.2e6 losses of size sigma: about 5 % of a difference of size sigma**2
    np.testing.assert_allclose(value - losses.mean(), sigma**2 / 2 * np.mean(traces), rtol=0.1)


@pytest.mark.parametrize(
    "penalty",
    [
        AdversarialLoss(0.3),
        AdversarialLoss(0.3, "linf", n_steps=3),
        RandomPerturbation(0.5),
        VirtualAdversarial(0.5),
        VirtualAdversarial(0.5, features=[1, 2]),
    ],
    ids=repr,
)
def test_gradient_of_detached_perturbations_is_that_at_fixed_perturbation_and_prediction(penalty):
    network, X, Y, theta, rng = problem()
    objective = make_objective(network, X, Y, penalty)
    step, moved = perturbed(penalty, objective, theta)
    of_divergence = not isinstance(penalty, AdversarialLoss)
    targets = step.frozen_mean if of_divergence else Y
    entropy = row_losses(network, theta, targets)(X) if of_divergence else 0

    def frozen(t):
        return (
            row_losses(network, t, targets)(moved) - entropy + row_losses(network, t, Y)(X)
        ).mean()

    value, gradient = evaluate(objective, theta)
    np.testing.assert_allclose(value, frozen(theta), rtol=1e-10)
    direction = rng.randn(theta.size)
    expected = oracles.directional_derivative(frozen, theta, direction)
    np.testing.assert_allclose(gradient @ direction, expected, rtol=1e-6)


def perturbed(penalty, objective, theta, batch=None):
    """A step, and the rows at which a penalty evaluated the network last."""
    batch = objective.full_batch() if batch is None else batch
    step, moved = Step(objective, theta, batch, np.random.RandomState(0)), []
    forward_at = step.forward_at
    step.forward_at = lambda X: moved.append(X) or forward_at(X)
    penalty.values(step)
    return step, [X for X in moved if X is not step.X][-1]


@pytest.mark.parametrize(
    "penalty",
    [
        VirtualAdversarial(0.5, features=[1, 2]),
        LayerwiseVirtualAdversarial((0.5, 0.3), features=[1, 2]),
        RandomPerturbation(0.5, features=[1, 2]),
        AdversarialLoss(0.3, features=[1, 2]),
        AdversarialLoss(0.3, "linf", n_steps=2, clip=(-0.1, 0.1), features=[1, 2]),
        InputNoise(0.5, features=[1, 2]),
    ],
    ids=repr,
)
def test_perturbations_keep_to_their_columns(penalty):
    network, X, Y, theta, _ = problem()
    moved = perturbed(penalty, make_objective(network, X, Y, penalty), theta)[1]
    np.testing.assert_array_equal(moved[:, [0, 3, 4]], X[:, [0, 3, 4]])
    assert (moved[:, [1, 2]] != X[:, [1, 2]]).all()


@pytest.mark.parametrize("likelihood", ["logistic", "softmax", "exp"])
def test_virtual_adversarial_tends_to_half_epsilon_squared_times_the_largest_fisher_eigenvalue(
    likelihood,
):
    network, X, Y, theta, _ = problem(likelihood, n_samples=6)
    f, epsilon = outputs_of(network, theta), 1e-3
    objective = make_objective(network, X, Y)
    step = Step(objective, theta, objective.full_batch(), np.random.RandomState(0))
    values = VirtualAdversarial(epsilon, xi=1e-3, n_power_iterations=100).values(step)
    P = oracles.means(f(X), network.likelihood.out_activation)
    J = np.stack(
        [oracles.input_gradients(lambda X, k=k: f(X)[:, k], X) for k in range(Y.shape[1])], axis=1
    )
    fisher = {
        "softmax": lambda p: np.diag(p) - np.outer(p, p),
        "logistic": lambda p: np.diag(p * (1 - p)),
        "exp": np.diag,
    }[likelihood]
    for i, value in enumerate(values):
        eigenvalue = np.linalg.eigvalsh(J[i].T @ fisher(P[i]) @ J[i])[-1]
        # the remainder is of the order of epsilon, and a hundred power iterations leave a part of
        # the second direction
        np.testing.assert_allclose(value, epsilon**2 / 2 * eigenvalue, rtol=0.01)


def columnwise(A, weights):
    mean = weights @ A
    return mean, np.sqrt(weights @ (A - mean) ** 2)


def moved_outputs(network, theta, X, weights, place, moves):
    """Outputs with one layer moved in standard deviations of its units, in plain NumPy.

    It also takes complex numbers.
    """
    A, layers = X + moves if place == 0 else X, network.unpack(theta)
    for l, (W, b) in enumerate(layers):
        A = A @ W + b
        if l == place - 1:
            A = A + columnwise(A, weights)[1] * moves
        A = np.tanh(A) if l < len(layers) - 1 else A
    return A


def divergences(Z, P):
    """KL of rows of probabilities P to the softmax of complex outputs."""
    Z = Z - Z.real.max(axis=1, keepdims=True)
    return (P * (np.log(P) - Z + np.log(np.exp(Z).sum(axis=1, keepdims=True)))).sum(axis=1)


class TestLayerwiseVirtualAdversarial:
    RADII = [0.5, 0.3, 0.4]

    @pytest.mark.parametrize("place", [0, 1, 2])
    def test_value_and_gradient_are_those_of_plain_formulas(self, place):
        network, X, Y, theta, rng = problem()
        weight = rng.rand(20)
        radii = [radius * (l == place) for l, radius in enumerate(self.RADII)]
        penalty = LayerwiseVirtualAdversarial(
            radii, xi=1e-4, costs=[0, 0, 0.7] if place == 2 else 0.7
        )
        objective = make_objective(network, X, Y, penalty, sample_weight=weight)
        objective.terms = objective.terms[1:]
        value, gradient = evaluate(objective, theta)
        w = weight / weight.sum()
        P = oracles.means(outputs_of(network, theta)(X), "softmax")
        moves = self.moves(network, theta, X, w, P, place)

        def published(theta):
            return 0.7 * w @ divergences(moved_outputs(network, theta, X, w, place, moves), P)

        np.testing.assert_allclose(value, published(theta), rtol=1e-9)
        direction = rng.randn(theta.size)
        exact = published(theta + 1e-30j * direction).imag / 1e-30
        np.testing.assert_allclose(gradient @ direction, exact, rtol=1e-9)

    def test_deviations_are_those_of_rows_without_the_weights_of_their_classes(self):
        network, X, Y, theta, rng = problem()
        of_classes, place = 1 + 9 * rng.rand(20), 1
        penalty = LayerwiseVirtualAdversarial((0, self.RADII[1], 0), xi=1e-4)
        options = {"sample_weight": of_classes, "row_weight": np.ones(20)}
        value = penalty_value(penalty, network, X, Y, theta, **options)
        P = oracles.means(outputs_of(network, theta)(X), "softmax")
        moves = self.moves(network, theta, X, np.full(20, 1 / 20), P, place)
        expected = divergences(
            moved_outputs(network, theta, X, np.full(20, 1 / 20), place, moves), P
        )
        np.testing.assert_allclose(value, of_classes / of_classes.sum() @ expected, rtol=1e-9)

    def moves(self, network, theta, X, w, P, place):
        """What one power iteration finds, by complex steps in place of derivatives."""
        start = np.random.RandomState(0).standard_normal((len(X), network.layer_sizes[place]))
        start /= np.linalg.norm(start, axis=1, keepdims=True)
        gradients = np.empty_like(start)
        for j in range(start.shape[1]):
            step = 1e-4 * start + 1e-30j * np.eye(start.shape[1])[j]
            gradients[:, j] = divergences(moved_outputs(network, theta, X, w, place, step), P).imag
        return self.RADII[place] * gradients / np.linalg.norm(gradients, axis=1, keepdims=True)

    def test_costs_multiply_layers(self):
        network, X, Y, theta, _ = problem()
        first, both, more = (
            penalty_value(
                LayerwiseVirtualAdversarial((0.5, 0.3, 0), costs=costs), network, X, Y, theta
            )
            for costs in ((1, 0), (1, 1), (1, 3, 5))
        )
        assert both > first
        np.testing.assert_allclose(more - first, 3 * (both - first), rtol=1e-9)

    @pytest.mark.parametrize(
        "options", [{}, {"features": [1, 2]}, {"xi": 0.1, "n_power_iterations": 3}], ids=str
    )
    @pytest.mark.parametrize("dropout", [0.0, 0.4])
    def test_of_the_input_alone_is_virtual_adversarial(self, options, dropout):
        network, X, Y, theta, _ = problem()
        results = [
            evaluate(make_objective(network, X, Y, penalty, dropout=dropout), theta)
            for penalty in (
                LayerwiseVirtualAdversarial((0.5, 0), **options),
                VirtualAdversarial(0.5, **options),
            )
        ]
        assert results[0][0] == results[1][0]
        np.testing.assert_array_equal(results[0][1], results[1][1])

    def test_the_last_number_counts_for_all_further_layers(self):
        network, X, Y, theta, _ = problem()
        values = [
            penalty_value(LayerwiseVirtualAdversarial(epsilon, costs=costs), network, X, Y, theta)
            for epsilon, costs in [(0.3, 1), ((0.3, 0.3), (1, 1, 1)), (np.full(3, 0.3), [1])]
        ]
        assert values[0] == values[1] == values[2]

    def test_larger_weights_below_and_smaller_ones_above_do_not_evade_it(self):
        network, X, Y, theta, _ = problem(activation="relu")
        scaled = theta.copy()
        layers = network.unpack(scaled)
        for array, factor in ((layers[0][0], 100), (layers[0][1], 100), (layers[1][0], 0.01)):
            array *= factor
        penalty = LayerwiseVirtualAdversarial((0, 0.5))
        values = [penalty_value(penalty, network, X, Y, t) for t in (theta, scaled)]
        np.testing.assert_allclose(*values, rtol=1e-9)

    @pytest.mark.parametrize("place", [1, 2])
    def test_tends_to_half_epsilon_squared_times_the_largest_fisher_eigenvalue_of_the_layer(
        self, place
    ):
        network, X, Y, theta, _ = problem(n_samples=6)
        epsilon, w = 1e-3, np.full(6, 1 / 6)
        objective = make_objective(network, X, Y)
        step = Step(objective, theta, objective.full_batch(), np.random.RandomState(0))
        radii = [epsilon * (l == place) for l in range(3)]
        values = LayerwiseVirtualAdversarial(radii, xi=1e-3, n_power_iterations=100).values(step)
        P, n_units = (
            oracles.means(outputs_of(network, theta)(X), "softmax"),
            network.layer_sizes[place],
        )
        J = np.stack(
            [
                moved_outputs(network, theta, X, w, place, 1e-30j * e).imag / 1e-30
                for e in np.eye(n_units)
            ],
            axis=2,
        )
        for i, value in enumerate(values):
            eigenvalue = np.linalg.eigvalsh(J[i].T @ (np.diag(P[i]) - np.outer(P[i], P[i])) @ J[i])[
                -1
            ]
            np.testing.assert_allclose(value, epsilon**2 / 2 * eigenvalue, rtol=0.01)

    def test_dropped_units_stay_dropped(self):
        network, X, Y, theta, _ = problem()
        objective = make_objective(
            network, X, Y, LayerwiseVirtualAdversarial((0, 0.5)), dropout=0.4
        )
        step = Step(objective, theta, objective.full_batch(), np.random.RandomState(0))
        for layer in (0, 1):
            np.testing.assert_allclose(
                step.outputs_above(layer, step.preactivations(layer)), step.outputs, rtol=1e-12
            )
        targets = step.frozen_mean[::-1]

        def loss(preactivations):
            return step.likelihood.loss_and_residual(
                step.outputs_above(0, preactivations), targets
            )[0]

        expected = oracles.input_gradients(loss, step.preactivations(0))
        found = step.frozen_loss_gradients_above(0, step.preactivations(0), targets)
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-8)

    def test_of_hidden_layers_takes_sparse_rows(self):
        network, X, Y, theta, _ = problem()
        X[X < 0.5] = 0
        penalty = LayerwiseVirtualAdversarial((0, 0.5))
        values = [
            evaluate(make_objective(network, rows, Y, penalty), theta)
            for rows in (X, sparse.csr_array(X))
        ]
        np.testing.assert_allclose(values[1][0], values[0][0], rtol=1e-9)
        np.testing.assert_allclose(values[1][1], values[0][1], rtol=1e-9, atol=1e-13)

    @pytest.mark.parametrize("hidden", [(), (7,)], ids=len)
    @pytest.mark.parametrize("name", ["epsilon", "costs"])
    def test_more_numbers_than_layers_are_refused(self, name, hidden):
        network, X, Y, theta, _ = problem(hidden=hidden)
        layers = (
            "3 entries, but the layers to perturb are the input and 1 hidden one"
            if hidden
            else "the input alone"
        )
        with pytest.raises(ValueError, match=f"{name} has .*{layers}"):
            penalty_value(
                LayerwiseVirtualAdversarial(**{"epsilon": 1.0, name: [1.0] * 3}),
                network,
                X,
                Y,
                theta,
            )


def test_the_power_iteration_finds_the_leading_eigenvector_within_its_columns():
    rng = np.random.RandomState(0)
    B, mask = rng.standard_normal((5, 5)), np.array([1.0, 0, 1, 1, 0])
    H, start = B @ B.T, mask[None] / np.sqrt(3)
    d = virtual_adversarial_direction(
        lambda X: X @ H, np.zeros((1, 5)), start, xi=1.0, n_power_iterations=500, mask=mask
    )
    leading = np.zeros(5)
    leading[mask > 0] = np.linalg.eigh(H[np.ix_(mask > 0, mask > 0)])[1][:, -1]
    np.testing.assert_allclose(abs(d[0] @ leading), 1, rtol=1e-9)


class TestSumsAndMultiples:
    def test_every_name_is_its_class_with_defaults(self):
        for name in [
            "jacobian",
            "right_reasons",
            "adversarial_loss",
            "input_noise",
            "lipschitz_gradient",
        ]:
            assert type(check_penalty(name)).__name__.lower() == name.replace("_", "")

    def test_sums_of_lists_are_sums(self):
        assert repr(sum([InputGradient(), WeightDecay()])) == repr(InputGradient() + WeightDecay())

    @pytest.mark.parametrize(
        ("penalty", "message"),
        [
            (Sum("jacobian", WeightDecay()), "a Sum takes penalty objects"),
            (Scaled("jacobian", 2.0), "Scaled takes a penalty object"),
            (-1 * WeightDecay(), r"weight of WeightDecay\(\) must be a finite number >= 0; got -1"),
            (
                np.nan * WeightDecay(),
                r"weight of WeightDecay\(\) must be a finite number >= 0; got nan",
            ),
        ],
        ids=str,
    )
    def test_what_cannot_be_summed_is_named(self, penalty, message):
        with pytest.raises(ValueError, match=message):
            penalty.terms()


@pytest.mark.parametrize(
    ("penalty", "message"),
    [
        (InputGradient("l3"), "norm of InputGradient must be one of 'l2', 'l1'; got 'l3'"),
        (InputGradient(power=3), "power of InputGradient must be an integer >= 1 and <= 2; got 3"),
        (
            AdversarialLoss(normalize=False, n_steps=3),
            r"normalize=False is one step along the gradient itself: it needs",
        ),
        (
            AdversarialLoss(normalize=False, norm="linf"),
            r"normalize=False is one step along the gradient itself: it needs",
        ),
        (
            InputNoise(distribution="cauchy"),
            "distribution of InputNoise must be one of 'gaussian', 'uniform'; got 'cauchy'",
        ),
        (InputDropout(1.0), "p of InputDropout must be a finite number >= 0 and < 1; got 1.0"),
        (LabelNoise(2), "p of LabelNoise must be a finite number >= 0 and <= 1; got 2"),
        (HiddenNoise(0), "std must be a finite number > 0; got 0"),
        (WeightNoise(n_draws=0), "n_draws must be an integer >= 1; got 0"),
        (WeightDecay(-1), "bound of WeightDecay must be a finite number >= 0; got -1"),
        (SpectralNorm(0), "n_iterations of SpectralNorm must be an integer >= 1; got 0"),
        (ClassBalance("equal"), "priors of ClassBalance must be .*; got 'equal'"),
        (
            ClassBalance([1, 0]),
            r"priors of ClassBalance must be .* a positive number per class; got \[1, 0\]",
        ),
        (
            VirtualAdversarial("near"),
            "epsilon must be a positive number, \"local\" or a LocalRadius; got 'near'",
        ),
        (
            VirtualAdversarial(LocalRadius(fraction=0)),
            "fraction of LocalRadius must be a finite number > 0; got 0",
        ),
        (
            RandomPerturbation(LocalRadius(n_neighbors=0)),
            "n_neighbors of LocalRadius must be an integer >= 1; got 0",
        ),
        (
            RandomPerturbation(transform="flip"),
            "transform must be None or a function of X and random_state; got 'flip'",
        ),
        (VirtualAdversarial(epsilon=0), "epsilon must be a finite number > 0; got 0"),
        (VirtualAdversarial(xi=np.nan), "xi must be a finite number > 0; got nan"),
        (
            VirtualAdversarial(n_power_iterations=0),
            "n_power_iterations must be an integer >= 1; got 0",
        ),
        (
            LayerwiseVirtualAdversarial("local"),
            "epsilon must be a number, or a sequence of numbers .*; got 'local'",
        ),
        (
            LayerwiseVirtualAdversarial([]),
            r"epsilon must be a number, or a sequence of numbers .*; got \[\]",
        ),
        (
            LayerwiseVirtualAdversarial((0.5, None)),
            "epsilon must be a number, or a sequence of numbers .*None",
        ),
        (LayerwiseVirtualAdversarial((0.5, -1)), "epsilon must be a finite number >= 0; got -1"),
        (
            LayerwiseVirtualAdversarial(costs=(1, np.nan)),
            "costs must be a finite number >= 0; got nan",
        ),
        (
            LayerwiseVirtualAdversarial(costs={1: 2}),
            "costs must be a number, or a sequence of numbers",
        ),
        (LayerwiseVirtualAdversarial(xi=0), "xi must be a finite number > 0; got 0"),
        (
            LayerwiseVirtualAdversarial(n_power_iterations=0),
            "n_power_iterations must be an integer >= 1; got 0",
        ),
        (RandomPerturbation(np.inf), "epsilon must be a finite number > 0; got inf"),
        (AdversarialLoss(np.nan), "epsilon must be a finite number > 0; got nan"),
        (AdversarialLoss(step_size=np.nan), "step_size must be a finite number > 0; got nan"),
        (AdversarialLoss(norm=2), "norm of AdversarialLoss must be one of 'l2', 'linf'; got 2"),
        (AdversarialLoss(n_steps=1.5), "n_steps must be an integer >= 1; got 1.5"),
        (AdversarialLoss(clip=1.0), r"clip must be \(low, high\)"),
        (AdversarialLoss(clip=(0, np.nan)), "Use inf for no bound"),
        (InputNoise(std=-1), "std must be a finite number > 0; got -1"),
        (InputNoise(n_draws=True), "n_draws must be an integer >= 1; got True"),
        (Jacobian(n_projections=0), "n_projections must be an integer >= 1; got 0"),
        (LipschitzGradient(bound=np.nan), "bound must be a finite number >= 0; got nan"),
        (LipschitzGradient(two_sided="no"), "two_sided must be True or False; got 'no'"),
        (
            LipschitzGradient(at="rows"),
            "at of LipschitzGradient must be one of 'data', 'interpolates'; got 'rows'",
        ),
    ]
    + [
        (kind(features=["age"]), "features names the column 'age', but X has no column names")
        for kind in (
            InputGradient,
            RightReasons,
            Jacobian,
            LipschitzGradient,
            VirtualAdversarial,
            LayerwiseVirtualAdversarial,
            RandomPerturbation,
            AdversarialLoss,
            InputNoise,
        )
    ],
    ids=repr,
)
def test_an_option_out_of_range_is_named(penalty, message):
    network, X, Y, _, _ = problem()
    with pytest.raises(ValueError, match=message):
        make_objective(network, X, Y, penalty)


@pytest.mark.parametrize("name", ["X", "targets", "weights", "frozen_outputs"])
def test_a_penalty_that_writes_to_what_it_reads_is_stopped(name):
    class Writing(SamplePenalty):
        def values(self, step):
            array = getattr(step, name)
            array *= 2
            return step.losses

    network, X, Y, theta, _ = problem()
    before = X.copy()
    with pytest.raises(ValueError, match="read-only"):
        evaluate(make_objective(network, X, Y, Writing()), theta)
    np.testing.assert_array_equal(X, before)


def test_a_penalty_that_returns_nothing_is_named():
    class Silent(WeightPenalty):
        def value(self, network, theta):
            return None

    network, X, Y, theta, _ = problem()
    with pytest.raises(ValueError, match=r"Silent must give values of shape \(\); got None"):
        evaluate(make_objective(network, X, Y, Silent()), theta)


class TestCertifiedLoss:
    @pytest.mark.parametrize(("norm", "dual"), [("linf", 1), ("l2", 2), ("l1", np.inf)])
    def test_of_a_linear_model_is_the_loss_at_the_worst_point(self, norm, dual):
        X, y = BINARY_X[:, :4], BINARY_Y
        model = GradRegLogisticRegression(alpha=0.0).fit(X, y)
        network, theta = (
            Network((4, 1), Identity(), Bernoulli()),
            np.append(model.coef_[0], model.intercept_),
        )
        worst = np.where(y == 1, -1, 1) * model.decision_function(X) + 0.3 * np.linalg.norm(
            model.coef_[0], dual
        )
        value = penalty_value(CertifiedLoss(0.3, norm), network, X, y[:, None], theta)
        np.testing.assert_allclose(value, np.logaddexp(0, worst).mean(), rtol=1e-9)

    @pytest.mark.parametrize("likelihood", ["logistic", "softmax", "labels"])
    @pytest.mark.parametrize("norm", ["linf", "l2"])
    def test_is_never_below_the_loss_under_attack(self, likelihood, norm):
        network, X, Y, theta, _ = problem(likelihood)
        attacked = penalty_value(AdversarialLoss(0.2, norm, n_steps=5), network, X, Y, theta)
        assert penalty_value(CertifiedLoss(0.2, norm), network, X, Y, theta) >= attacked
        small = penalty_value(CertifiedLoss(1e-9, norm), network, X, Y, theta)
        np.testing.assert_allclose(
            small, penalty_value(AdversarialLoss(1e-9, norm), network, X, Y, theta), rtol=1e-6
        )

    @pytest.mark.parametrize("likelihood", ["logistic", "softmax", "labels"])
    @pytest.mark.parametrize("hidden", [(), (6,)], ids=["linear", "hidden"])
    def test_of_smoothed_labels_is_never_below_the_loss_at_a_corner(self, likelihood, hidden):
        network, X, Y, theta, _ = problem(likelihood, hidden=hidden)
        amount = 0.4
        soft = (1 - amount) * Y + amount / (4 if likelihood == "softmax" else 2)
        loss = row_losses(network, 3 * theta, soft)
        corners = np.array(list(itertools.product([-1, 1], repeat=5))) * 0.5
        worst = np.max([loss(X + corner) for corner in corners], axis=0).mean()
        options = {"loss": LabelSmoothing(amount)}
        certified = penalty_value(CertifiedLoss(0.5), network, X, Y, 3 * theta, **options)
        assert certified >= worst * (1 - 1e-12)
        if likelihood == "logistic" and not hidden:
            np.testing.assert_allclose(certified, worst, rtol=1e-12)
        small = penalty_value(CertifiedLoss(1e-9), network, X, Y, 3 * theta, **options)
        np.testing.assert_allclose(small, loss(X).mean(), rtol=1e-7)

    @pytest.mark.parametrize("likelihood", ["logistic", "softmax", "labels"])
    def test_of_smoothed_labels_has_the_gradient_of_finite_differences(self, likelihood):
        network, X, Y, theta, rng = problem(likelihood)
        objective = make_objective(network, X, Y, CertifiedLoss(0.2), loss=LabelSmoothing(0.3))
        direction, h = rng.standard_normal(theta.shape), 1e-6
        values = [evaluate(objective, theta + sign * h * direction)[0] for sign in (1, -1)]
        slope = evaluate(objective, theta)[1] @ direction
        np.testing.assert_allclose((values[0] - values[1]) / (2 * h), slope, rtol=1e-6)

    def test_bounds_no_other_loss_so_it_is_refused_beside_one(self):
        class Squares(SampleLoss):
            def values(self, step):
                return step.losses * step.losses

        class Halved(NegativeLogLikelihood):
            def values(self, step):
                return 0.5 * step.losses

        for loss in (
            Squares(),
            Halved(),
            Flooding(0.1, loss=Squares()),
            LabelSmoothing(0.1, loss=Squares()),
        ):
            model = GradRegLogisticRegression(CertifiedLoss(), loss=loss)
            with pytest.raises(
                ValueError, match=r"CertifiedLoss bounds the cross-entropy, but .* takes its place"
            ):
                model.fit(MULTI_X, MULTI_Y)
        GradRegLogisticRegression(
            CertifiedLoss(), loss=Flooding(0.1, loss=LabelSmoothing(0.1))
        ).fit(MULTI_X, MULTI_Y)

    def test_a_likelihood_with_other_probabilities_is_refused(self):
        class Cold(Bernoulli):
            def mean(self, outputs):
                return super().mean(2 * outputs)

            def loss_and_residual(self, outputs, targets):
                losses, residuals = super().loss_and_residual(2 * outputs, targets)
                return losses, 2 * residuals

        network, X, Y, *_ = problem("logistic")
        network = Network(network.layer_sizes, network.activation, Cold())
        with pytest.raises(
            ValueError, match=r"CertifiedLoss bounds the cross-entropy of .*, which Cold\(\) is not"
        ):
            make_objective(network, X, Y, CertifiedLoss())

    def test_its_radius_grows(self):
        network, X, Y, theta, _ = problem()
        growing = make_objective(network, X, Y, CertifiedLoss(0.4, n_ramp_up_epochs=3), 1.0)
        assert growing.depends_on_epoch
        assert growing.at_epoch(3) is growing
        for epoch, epsilon in ((0, 0.1), (1, 0.2), (2, 0.3)):
            expected = evaluate(make_objective(network, X, Y, CertifiedLoss(epsilon), 1.0), theta)[
                0
            ]
            np.testing.assert_allclose(
                evaluate(growing.at_epoch(epoch), theta)[0], expected, rtol=1e-12
            )
        with pytest.raises(ValueError, match="no epochs over which"):
            GradRegLogisticRegression(CertifiedLoss(n_ramp_up_epochs=3)).fit(X, Y.argmax(axis=1))

    def test_trains_for_certificates(self):
        X, y = load_iris(return_X_y=True)
        options = {
            "alpha": 3.0,
            "learning_rate_init": 0.01,
            "tol": 5e-3,
            "max_iter": 1000,
            "random_state": 0,
        }
        models = [
            GradRegMLPClassifier((20,), penalty=penalty, **options).fit(X, y)
            for penalty in (CertifiedLoss(0.3, n_ramp_up_epochs=50), "weight_decay")
        ]
        certified, plain = (certified_accuracy(model, X, y, 0.3, norm="linf") for model in models)
        assert certified > plain + 0.1
