"""Tables, and small fits of all kinds of training to them, which `same_fits.py` compares.

Only the public interface is used, so that they run on both sides of a restructuring.
"""

import pickle
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec

import numpy as np
import pandas as pd
from scipy.sparse import csr_array, csr_matrix
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier

from sklearn_irg import (
    GradRegLogisticRegression,
    GradRegLogisticRegressionCV,
    GradRegMLPClassifier,
    GradRegMLPClassifierCV,
    GradRegMLPRegressor,
    IMSATClusterer,
    LadderClassifier,
    RobustTrainingClassifier,
    VATClassifier,
    WassersteinCritic,
    WassersteinSampler,
)
from sklearn_irg.attacks import ThreatModel
from sklearn_irg.constraints import FrobeniusCap, MaxNorm, SpectralNormalization, WeightClipping
from sklearn_irg.likelihoods import Poisson
from sklearn_irg.losses import (
    Flooding,
    InformationMaximization,
    LabelSmoothing,
    MeanDifference,
    PenaltyLoss,
)
from sklearn_irg.model_selection import (
    balanced_alpha,
    drift_test,
    equivalent_alpha,
    regularization_path,
)
from sklearn_irg.penalties import (
    AdversarialLoss,
    CertifiedLoss,
    ClassBalance,
    ConditionalEntropy,
    HiddenNoise,
    InputGradient,
    InputNoise,
    Jacobian,
    LayerwiseVirtualAdversarial,
    LipschitzGradient,
    LocalRadius,
    ParameterGradient,
    RandomPerturbation,
    RightReasons,
    SpectralNorm,
    TargetNoise,
    VirtualAdversarial,
    WeightDecay,
    WeightNoise,
)
from sklearn_irg.solvers import LBFGS, SGD, Adam

# -- tables ----------------------------------------------------------------------------------------

N_ROWS = 60
_RNG = np.random.RandomState(0)
X = _RNG.standard_normal((N_ROWS, 5)).round(3)
_SCORE = X @ [1.0, -1.0, 0.5, 0.0, 0.3] + 0.3 * _RNG.standard_normal(N_ROWS)
TWO = (_SCORE > 0).astype(int)
THREE = np.digitize(_SCORE, [-0.7, 0.7])
INDICATOR = (X[:, :3] + 0.3 * _RNG.standard_normal((N_ROWS, 3)) > 0).astype(int)
FEW = np.where(np.arange(N_ROWS) % 4, -1, THREE)
WORDS = np.array(["low", "middle", "top"])[THREE]
OUTPUTS = np.column_stack([_SCORE, np.abs(X[:, 0]), X[:, 1] * X[:, 2]])
COUNTS = _RNG.poisson(np.exp(X[:, 0] / 2)).astype(float)
WEIGHTS = _RNG.randint(0, 3, N_ROWS).astype(float)
MASK = _RNG.rand(*X.shape) < 0.3
FRAME = pd.DataFrame(X, columns=["age", "income", "height", "weight", "score"])
JOBS = FRAME.assign(job=_RNG.choice(list("abc"), N_ROWS), visits=_RNG.poisson(2, N_ROWS))
TABLES = {
    "two classes": (X, TWO),
    "three classes": (X, THREE),
    "words": (X, WORDS),
    "few labels": (X, FEW),
    "few words": (X, np.where(FEW < 0, "?", WORDS)),
    "indicator": (X, INDICATOR),
    "sparse indicator": (X, csr_matrix(INDICATOR)),
    "numbers": (X, _SCORE),
    "outputs": (X, OUTPUTS),
    "counts": (X, COUNTS),
    "sparse": (csr_matrix(X * MASK), THREE),
    "sparse array": (csr_array(X * MASK), THREE),
    "float32": (X.astype(np.float32), THREE),
    "float32 numbers": (X.astype(np.float32), _SCORE.astype(np.float32)),
    "integers": (X.round().astype(int), THREE),
    "Fortran order": (np.asfortranarray(X), THREE),
    "DataFrame": (FRAME, pd.Series(WORDS)),
    "column": (X, THREE[:, None]),
    "far from zero": (1e3 * X + 1e5, THREE),
}

# -- estimators ------------------------------------------------------------------------------------

_SHORT = {"max_iter": 4, "batch_size": 16, "learning_rate_init": 0.01, "random_state": 0}
LINEAR = GradRegLogisticRegression(max_iter=30)
NETWORK = GradRegMLPClassifier((6,), **_SHORT)
DEEP = GradRegMLPClassifier((6, 5), "tanh", **_SHORT)
WHOLE = GradRegMLPClassifier((6,), "softplus", solver="lbfgs", max_iter=8, random_state=0)
REGRESSOR = GradRegMLPRegressor((6,), **_SHORT)
VAT = VATClassifier((6,), **_SHORT)
LADDER = LadderClassifier((6, 5), **_SHORT)
IMSAT = IMSATClusterer(3, (6,), **_SHORT)
CRITIC = WassersteinCritic((6,), cv=None, **_SHORT)
SAMPLER = WassersteinSampler((6,), n_steps=12, n_latent=3, batch_size=16, random_state=0)
LINEAR_CV = GradRegLogisticRegressionCV(alphas=[0.01, 0.1, 1.0], cv=3)
NETWORK_CV = GradRegMLPClassifierCV((6,), alphas=[0.01, 1.0], cv=2, **_SHORT)


@dataclass(frozen=True)
class Fitted:
    """A fitted estimator, and rows for which it predicts."""

    model: object
    X: object


def table(name):
    return TABLES[name] if isinstance(name, str) else name


def fit(estimator, name, **options):
    """One fit of a clone."""
    X, y = table(name)
    return Fitted(clone(estimator).fit(X, y, **options), X)


def with_parameters(estimator, **parameters):
    return clone(estimator).set_params(**parameters)


def by_parameters(estimator, name, *variants, **options):
    """A fit for each of several dicts of parameters, by the estimator's name and theirs."""
    kind = type(estimator).__name__ + (" (lbfgs)" if estimator is WHOLE else "")
    cases = {}
    for variant in variants:
        title = ", ".join(
            [kind, name, *(f"{key}={_value(value)}" for key, value in variant.items()), *options]
        )
        cases[title] = partial(fit, with_parameters(estimator, **variant), name, **options)
    return cases


def _value(value):
    return (
        type(value).__name__
        if isinstance(value, np.random.RandomState)
        else " ".join(repr(value).split())
    )


def by_values(estimator, name, parameter, values, **fixed):
    """A fit for each of several values of one parameter."""
    return by_parameters(estimator, name, *({parameter: value, **fixed} for value in values))


# -- fits of each kind of estimator ----------------------------------------------------------------


def linear_models():
    for name in (
        "two classes",
        "three classes",
        "words",
        "sparse",
        "sparse array",
        "float32",
        "DataFrame",
        "column",
    ):
        yield from by_parameters(LINEAR, name, {}).items()
    penalties = [
        None,
        "weight_decay",
        "spectral_norm",
        "jacobian",
        "right_reasons",
        InputGradient("l1"),
        InputGradient(features=[0, 2]),
        InputGradient(weights=[1.0, 2.0, 0.0, 1.0, 3.0]),
        0.5 * InputGradient() + WeightDecay() + SpectralNorm(),
        CertifiedLoss(0.2),
    ]
    yield from by_values(LINEAR, "three classes", "penalty", penalties).items()
    yield from by_values(
        LINEAR, "two classes", "penalty", [InputGradient("l1"), InputGradient("l1") + WeightDecay()]
    ).items()
    yield from by_parameters(
        LINEAR,
        "three classes",
        {"solver": "adam", "penalty": InputNoise(), "random_state": 0, "max_iter": 5},
        {"solver": SGD(momentum=0.5), "random_state": 0, "max_iter": 5},
        {"class_weight": "balanced"},
        {"class_weight": {0: 0.0, 1: 1.0, 2: 3.0}},
        {"fit_intercept": False},
        {"max_iter": 0},
        {"max_iter": 2, "verbose": True},
        {"max_iter": 500, "tol": 0.0},
        {"loss": LabelSmoothing(0.1)},
        {
            "loss": PenaltyLoss(AdversarialLoss(0.3, "linf")),
            "solver": "adam",
            "random_state": 0,
            "max_iter": 5,
        },
        {"constraint": SpectralNormalization(2.0), "random_state": 0},
        {"constraint": MaxNorm(0.5), "solver": "adam", "random_state": 0, "max_iter": 5},
        {"alpha": 0.0, "l2": 0.0, "max_iter": 500},
    ).items()
    yield from by_parameters(
        LINEAR, "three classes", {}, {"class_weight": "balanced"}, sample_weight=WEIGHTS
    ).items()
    yield from by_parameters(
        LINEAR, "three classes", {"penalty": RightReasons(), "alpha": 1.0}, mask=MASK
    ).items()


def networks():
    for name in TABLES:
        if name in ("numbers", "outputs", "counts", "float32 numbers", "few labels", "few words"):
            continue
        yield from by_parameters(NETWORK, name, {}).items()
    yield from by_parameters(
        NETWORK,
        "three classes",
        {"solver": "sgd"},
        {"solver": SGD(nesterovs_momentum=False, decay_start=0.5)},
        {"solver": Adam(beta_1=0.8, decay_start=0.5)},
        {"shuffle": False},
        {"batch_size": "auto"},
        {"hidden_layer_sizes": 4, "activation": "identity"},
        {"activation": "logistic"},
        {"activation": "softplus", "alpha": 10.0},
        {"alpha": 0.0},
        {"dropout": 0.3},
        {"n_ramp_up_epochs": 3},
        {"n_ramp_up_epochs": 3, "early_stopping": True},
        {"class_weight": "balanced"},
        {"class_weight": {0: 0.0, 1: 1.0, 2: 2.0}},
        {"batch_normalization": True},
        {"batch_normalization": True, "dropout": 0.2, "early_stopping": True},
        {"verbose": 2, "max_iter": 2},
        {"random_state": None},
        {"random_state": np.random.RandomState(3)},
        {"tol": 10.0, "n_iter_no_change": 2, "max_iter": 20},
        {"n_iter_no_change": np.inf},
    ).items()
    early = {
        "early_stopping": True,
        "validation_fraction": 0.3,
        "n_iter_no_change": 2,
        "max_iter": 12,
    }
    for name in ("two classes", "three classes", "indicator", "words"):
        yield from by_parameters(NETWORK, name, early).items()
    yield from by_parameters(NETWORK, "three classes", {}, early, sample_weight=WEIGHTS).items()
    yield from by_parameters(
        NETWORK, "words", {"class_weight": "balanced"}, sample_weight=WEIGHTS
    ).items()
    yield from by_parameters(
        NETWORK, "indicator", {"batch_normalization": True}, sample_weight=WEIGHTS
    ).items()
    yield from by_parameters(
        NETWORK, "three classes", {"penalty": RightReasons()}, {}, mask=MASK
    ).items()
    yield from by_parameters(
        WHOLE, "three classes", {}, {"max_iter": 2}, {"class_weight": "balanced"}
    ).items()
    yield from by_parameters(
        WHOLE, "sparse", {}, {"solver": LBFGS()}, sample_weight=WEIGHTS
    ).items()
    yield from by_values(
        WHOLE, "three classes", "constraint", [SpectralNormalization(3.0), MaxNorm(1.0)]
    ).items()


def penalties_of_networks():
    penalties = [
        None,
        "virtual_adversarial",
        "class_balance",
        "conditional_entropy",
        "input_dropout",
        "label_noise",
        "spectral_norm",
        AdversarialLoss(0.3, n_steps=2),
        AdversarialLoss(0.3, "linf", clip=(-2.0, 2.0)),
        CertifiedLoss(0.05, "linf", n_ramp_up_epochs=2),
        HiddenNoise(0.2, n_draws=2),
        InputGradient("l1"),
        InputGradient(power=1),
        InputNoise(0.2, distribution="uniform", multiplicative=True),
        Jacobian(n_projections=1),
        Jacobian(),
        LayerwiseVirtualAdversarial((0.5, 0.2), costs=(1.0, 0.1)),
        LipschitzGradient(at="interpolates"),
        ParameterGradient(),
        RandomPerturbation(0.5),
        SpectralNorm(n_iterations=2),
        VirtualAdversarial(LocalRadius(0.5, 5), n_power_iterations=2),
        WeightDecay(1.0),
        WeightNoise(0.05),
        InputGradient() + 0.1 * VirtualAdversarial(0.3) + 0.01 * WeightDecay(),
    ]
    yield from by_values(DEEP, "three classes", "penalty", penalties, alpha=0.3).items()
    yield from by_values(
        WHOLE, "two classes", "penalty", ["jacobian", SpectralNorm() + InputGradient()]
    ).items()


def losses_and_constraints():
    losses = [
        LabelSmoothing(0.1),
        Flooding(0.9),
        Flooding(0.9, LabelSmoothing(0.2)),
        PenaltyLoss(AdversarialLoss(0.3) + 0.5 * HiddenNoise(0.2)),
        PenaltyLoss(InputNoise(0.2)),
    ]
    yield from by_values(NETWORK, "three classes", "loss", losses).items()
    yield from by_values(
        NETWORK, "two classes", "loss", [Flooding(0.5), LabelSmoothing(0.1)]
    ).items()
    for loss, penalty in (
        (InformationMaximization(), "virtual_adversarial"),
        (MeanDifference(), "lipschitz_gradient"),
    ):
        yield from by_parameters(NETWORK, "two classes", {"loss": loss, "penalty": penalty}).items()
    yield from by_values(NETWORK, "indicator", "loss", [Flooding(0.5), LabelSmoothing(0.1)]).items()
    yield from by_values(
        REGRESSOR, "numbers", "loss", [Flooding(0.5), PenaltyLoss(TargetNoise(0.1))]
    ).items()
    constraints = [
        SpectralNormalization(2.0),
        SpectralNormalization(2.0, n_iterations=2),
        FrobeniusCap(1.0),
        MaxNorm(0.5),
        WeightClipping(0.3, biases=True),
    ]
    yield from by_values(DEEP, "three classes", "constraint", constraints).items()
    yield from by_values(
        NETWORK, "two classes", "constraint", constraints[:3], dropout=0.2, early_stopping=True
    ).items()


def regressors():
    for name in ("numbers", "outputs", "counts", "float32 numbers"):
        yield from by_parameters(REGRESSOR, name, {}, {"early_stopping": True}).items()
    yield from by_parameters(
        REGRESSOR,
        "counts",
        {"loss": "poisson"},
        {"loss": Poisson(), "solver": "lbfgs"},
        {"loss": "poisson", "penalty": "jacobian", "dropout": 0.2},
    ).items()
    yield from by_parameters(
        REGRESSOR,
        "outputs",
        {"solver": "lbfgs", "activation": "tanh"},
        {"solver": "sgd", "constraint": SpectralNormalization(3.0)},
        {"penalty": TargetNoise(0.1)},
    ).items()
    yield from by_parameters(
        REGRESSOR, "numbers", {}, {"early_stopping": True}, sample_weight=WEIGHTS
    ).items()
    yield from by_parameters(REGRESSOR, "numbers", {}, mask=MASK).items()
    yield "GradRegMLPRegressor, column", partial(fit, REGRESSOR, (X, OUTPUTS[:, :1]))


def few_labels():
    marked = {"unlabeled_label": -1}
    yield from by_parameters(
        NETWORK,
        "few labels",
        marked,
        {**marked, "penalty": "virtual_adversarial"},
        {
            **marked,
            "penalty": VirtualAdversarial(0.3) + ClassBalance("uniform"),
            "unlabeled_batch_size": 20,
        },
        {**marked, "batch_normalization": True, "penalty": ConditionalEntropy()},
        {
            **marked,
            "penalty": "virtual_adversarial",
            "early_stopping": True,
            "validation_fraction": 0.3,
        },
        {**marked, "class_weight": "balanced", "penalty": "virtual_adversarial"},
        {**marked, "l2": 1e4, "penalty": "virtual_adversarial"},
    ).items()
    yield from by_parameters(
        NETWORK, "few words", {"unlabeled_label": "?", "penalty": "virtual_adversarial"}
    ).items()


def virtual_adversarial_training():
    yield from by_parameters(
        VAT,
        "few labels",
        {},
        {"epsilon": 0.3, "n_power_iterations": 2},
        {"penalty": None},
        {"penalty": 0.1 * InputGradient(), "n_ramp_up_epochs": 2},
        {"batch_normalization": True},
        {"unlabeled_batch_size": 30, "dropout": 0.2},
        {"early_stopping": True, "validation_fraction": 0.4},
        {"class_weight": "balanced", "constraint": SpectralNormalization(5.0)},
        {"threat": ThreatModel(0.3).fit(X)},
        {"loss": LabelSmoothing(0.1)},
    ).items()
    yield from by_parameters(VAT, "few words", {"unlabeled_label": "?"}).items()
    yield from by_parameters(VAT, "three classes", {}, {"unlabeled_label": None}).items()
    yield from by_parameters(VAT, "float32", {}).items()
    yield from by_parameters(
        VAT, "few labels", {}, {"class_weight": "balanced"}, sample_weight=WEIGHTS
    ).items()


def ladders():
    yield from by_parameters(
        LADDER,
        "few labels",
        {},
        {"noise": "adversarial"},
        {"noise": "adversarial_layerwise", "epsilon": (1.0, 0.3)},
        {"penalty": VirtualAdversarial(0.3)},
        {"penalty": LayerwiseVirtualAdversarial((0.5, 0.2)), "alpha": 0.5},
        {"denoising_costs": (0.0, 0.0, 1.0)},
        {"early_stopping": True, "validation_fraction": 0.4, "class_weight": "balanced"},
    ).items()
    yield from by_parameters(LADDER, "two classes", {}).items()
    yield from by_parameters(LADDER, "few labels", {}, sample_weight=WEIGHTS).items()


def merged_classes():
    marked = with_parameters(NETWORK, unlabeled_label=-1)
    merged = (np.where(FEW[:, None] < 0, X[1], X), FEW)  # unlabeled rows that are all the same
    for name, estimator in {"network": marked, "VAT": VAT, "ladder": LADDER}.items():
        yield f"merged classes, {name}", partial(fit, estimator, merged)


def without_labels():
    yield from by_parameters(
        IMSAT,
        "three classes",
        {},
        {"n_init": 2},
        {"batch_normalization": False, "epsilon": 0.3},
        {"n_clusters": 2, "penalty": RandomPerturbation(0.2)},
        {"random_state": None, "n_init": 2},
    ).items()
    yield from by_parameters(IMSAT, "DataFrame", {}, sample_weight=WEIGHTS).items()
    yield from by_parameters(
        SAMPLER,
        "three classes",
        {},
        {"n_critic": 3},
        {"constraint": SpectralNormalization()},
        {"constraint": WeightClipping(0.1)},
        {"penalty": LipschitzGradient(at="interpolates"), "generator_learning_rate_init": 0.001},
        {"verbose": True},
    ).items()
    yield from by_parameters(SAMPLER, "float32", {}, sample_weight=WEIGHTS).items()
    yield from by_parameters(SAMPLER, "DataFrame", {}).items()
    if find_spec("polars"):
        yield "WassersteinSampler, polars", lambda: fit(SAMPLER, (_polars(FRAME), None))
    rounded = with_parameters(SAMPLER, round_integers=True)
    yield (
        "WassersteinSampler, counts in a DataFrame",
        partial(fit, rounded, (FRAME.assign(visits=JOBS.visits), None)),
    )


def _polars(frame):
    import polars

    return polars.DataFrame(frame.to_dict("list"))


def critics():
    yield from by_parameters(
        CRITIC,
        "two classes",
        {},
        {"cv": 3},
        {"constraint": SpectralNormalization()},
        {"penalty": LipschitzGradient(two_sided=True), "solver": "sgd"},
        {"l2": 1.0, "random_state": None, "cv": 2},
        {"cv": StratifiedKFold(2)},
        {"cv": KFold(30)},
    ).items()
    yield from by_parameters(
        CRITIC, "two classes", {"cv": 3}, sample_weight=WEIGHTS + (np.arange(N_ROWS) % 2)
    ).items()
    yield "WassersteinCritic, far from zero", partial(fit, CRITIC, (1e3 * X + 1e5, TWO))
    small = with_parameters(CRITIC, cv=5)
    yield (
        "drift_test",
        partial(drift_test, X[:30], X[30:] + 0.5, n_permutations=50, critic=small, random_state=0),
    )
    yield (
        "drift_test, DataFrame",
        partial(drift_test, FRAME[:30], FRAME[30:], n_permutations=50, random_state=0),
    )


# -- searches, paths and training against threats --------------------------------------------------


def searches():
    for name in ("two classes", "three classes", "words", "sparse", "DataFrame"):
        yield from by_parameters(LINEAR_CV, name, {}).items()
    yield from by_parameters(
        LINEAR_CV,
        "two classes",
        {"selection": "one_standard_error"},
        {"selection": "most_robust", "threat": ThreatModel(0.3).fit(X)},
        {"penalty": SpectralNorm(), "max_iter": 5},
        {"scoring": "neg_log_loss", "class_weight": "balanced"},
    ).items()
    yield from by_parameters(LINEAR_CV, "three classes", {}, sample_weight=WEIGHTS).items()
    lbfgs = {"solver": "lbfgs", "max_iter": 5}
    yield from by_parameters(
        NETWORK_CV, "three classes", {}, lbfgs, {"early_stopping": True}
    ).items()
    yield from by_parameters(
        NETWORK_CV, "few labels", {"unlabeled_label": -1, "penalty": "virtual_adversarial"}
    ).items()
    yield from by_parameters(NETWORK_CV, "indicator", {}).items()


def paths():
    estimators = {
        "linear": LINEAR,
        "linear, not converged": with_parameters(LINEAR, max_iter=3),
        "linear, l1": with_parameters(LINEAR, penalty=InputGradient("l1")),
        "network": NETWORK,
        "network, lbfgs": WHOLE,
        "pipeline": make_pipeline(StandardScaler(), LINEAR),
    }
    for name, estimator in estimators.items():
        yield (
            f"regularization_path, {name}",
            partial(regularization_path, estimator, X, THREE, [0.01, 1.0, 0.1]),
        )
    with_folds = {"cv": 2, "scoring": ["accuracy", "neg_log_loss"], "sample_weight": WEIGHTS}
    yield (
        "regularization_path, folds",
        partial(regularization_path, LINEAR, X, TWO, 3, **with_folds),
    )
    warm = partial(regularization_path, NETWORK, X, THREE, [0.1, 1.0], warm_start=True, mask=MASK)
    yield "regularization_path, network, warm starts and mask", warm
    yield "regularization_path, regressor", partial(regularization_path, REGRESSOR, X, OUTPUTS, 2)
    for name, (estimator, y, options) in {
        "network": (NETWORK, THREE, {}),
        "dropout, constraint, weights": (
            with_parameters(DEEP, dropout=0.3, constraint=MaxNorm(0.5)),
            THREE,
            {"sample_weight": WEIGHTS, "mask": MASK},
        ),
        "regressor": (REGRESSOR, OUTPUTS, {}),
        "few labels": (VAT, FEW, {}),
        "linear": (LINEAR, THREE, {}),
        "no penalty": (with_parameters(NETWORK, penalty=None), THREE, {}),
    }.items():
        yield f"balanced_alpha, {name}", partial(balanced_alpha, estimator, X, y, **options)
    for convention in (
        "right_reasons",
        "sklearn_C",
        "half_batch_mean_gradient",
        "imsat",
        "unknown",
    ):
        known = {"n_samples": 100, "batch_size": 10}
        yield f"equivalent_alpha, {convention}", partial(equivalent_alpha, 0.3, convention, **known)


def against_threats():
    last = GradRegLogisticRegression(AdversarialLoss(), alpha=1.0, max_iter=50)
    network = with_parameters(NETWORK, penalty=CertifiedLoss(), alpha=1.0)
    threat = ThreatModel(0.3, n_swaps=1)
    prepare = make_column_transformer(
        (StandardScaler(), [*FRAME.columns, "visits"]),
        (OneHotEncoder(sparse_output=False), ["job"]),
    )
    rounds = {"n_rounds": 2, "random_state": 0, "validation_fraction": 0.2}
    trained = {
        "logistic": (RobustTrainingClassifier(last, 0.2), (X, TWO)),
        "logistic, three classes": (RobustTrainingClassifier(last, 0.2), (X, THREE)),
        "logistic, swaps": (
            RobustTrainingClassifier(make_pipeline(prepare, last), threat),
            (JOBS, WORDS),
        ),
        "network": (RobustTrainingClassifier(network, 0.1), (X, THREE)),
        "network, swaps": (
            RobustTrainingClassifier(make_pipeline(prepare, network), threat),
            (JOBS, TWO),
        ),
        "VAT": (RobustTrainingClassifier(VAT, 0.2), (X, THREE)),
        "loss": (
            RobustTrainingClassifier(
                with_parameters(LINEAR, loss=PenaltyLoss(AdversarialLoss())), 0.2
            ),
            (X, TWO),
        ),
        "rounds": (RobustTrainingClassifier(LogisticRegression(), 0.2, **rounds), (X, TWO)),
        "rounds, tree": (
            RobustTrainingClassifier(DecisionTreeClassifier(max_depth=3), 0.2, **rounds),
            (X, TWO),
        ),
        "rounds, own": (RobustTrainingClassifier(LINEAR, 0.2, **rounds), (X, TWO)),
    }
    for name, (estimator, rows) in trained.items():
        yield f"RobustTrainingClassifier, {name}", partial(fit, estimator, rows)
    first = RobustTrainingClassifier(last, 0.2)
    search = GradRegLogisticRegressionCV(AdversarialLoss(), alphas=[0.5, 1.0], cv=2, max_iter=50)
    yield (
        "RobustTrainingClassifier, search",
        partial(fit, RobustTrainingClassifier(search, 0.2), "two classes"),
    )
    yield (
        "RobustTrainingClassifier, weights",
        partial(fit, first, "three classes", sample_weight=WEIGHTS),
    )
    yield (
        "regularization_path, RobustTrainingClassifier",
        partial(regularization_path, first, X, TWO, [0.5, 1.0]),
    )
    own = with_parameters(
        LINEAR, penalty=AdversarialLoss(threat=ThreatModel(0.3).fit(X)), alpha=1.0
    )
    yield "GradRegLogisticRegression, a threat of its penalty", partial(fit, own, "two classes")


# -- several calls ---------------------------------------------------------------------------------


def attempt(model, X, call):
    """Estimator after a call, or the error and the estimator that it leaves."""
    try:
        call()
    except (AttributeError, TypeError, ValueError) as error:
        return f"{type(error).__name__}: {error}", model
    return Fitted(model, X)


def again(estimator, name, other=None, options=None, **changes):
    """A fit, changes of parameters, and a fit to the same rows or others."""
    model = clone(estimator).fit(*table(name))
    X, y = table(other or name)
    return attempt(model, X, lambda: model.set_params(**changes).fit(X, y, **(options or {})))


def in_calls(estimator, name, before=None, after=None, change=None, **options):
    """Four calls of partial_fit with a third of the rows each.

    Other calls may come before and after, and a change of parameters halfway.
    """
    X, y = table(name)
    model = clone(estimator)
    if before is not None:
        model.fit(*table(before))

    def calls():
        for call in range(4):
            model.set_params(**(change or {}) if call == 2 else {})
            rows = np.arange(call % 3, N_ROWS, 3)
            given = {key: value[rows] for key, value in options.items() if key != "classes"}
            first = {"classes": options["classes"]} if "classes" in options and not call else {}
            model.partial_fit(_rows(X, rows), _rows(y, rows), **given, **first)
        if after is not None:
            model.fit(*table(after))

    return attempt(model, X, calls)


def _rows(values, rows):
    return values.iloc[rows] if hasattr(values, "iloc") else values[rows]


def pickled(estimator, name):
    """A call of partial_fit with what a pickle of an estimator remembers of the last."""
    X, y = table(name)
    model = pickle.loads(pickle.dumps(clone(estimator).partial_fit(X, y)))
    return Fitted(model.partial_fit(X, y), X)


def converted(estimator, name):
    """A scikit-learn estimator of the same weights."""
    X, y = table(name)
    return Fitted(clone(estimator).fit(X, y).to_sklearn(), X)


def sparsified():
    model = (
        clone(LINEAR)
        .set_params(penalty=InputGradient("l1"), alpha=0.3, warm_start=True)
        .fit(X, TWO)
        .sparsify()
    )
    kept = model.coef_
    return kept, model.predict_proba(X), Fitted(model.fit(X, TWO).densify(), X)


def watched(estimator, name):
    """A fit that a callback follows, and what it saw."""
    from sklearn.callback import ScoringMonitor

    X, y = table(name)
    monitor = ScoringMonitor(scoring="accuracy")
    model = clone(estimator).set_callbacks(monitor).fit(X, y)
    logs = monitor.get_logs().data
    return Fitted(model, X), [sorted(row["accuracy"] for row in logs), len(logs)]


def warm_starts():
    for name, estimator in {
        "linear": LINEAR,
        "network": NETWORK,
        "lbfgs": WHOLE,
        "VAT": VAT,
        "regressor": REGRESSOR,
    }.items():
        rows = "numbers" if estimator is REGRESSOR else "three classes"
        warm = with_parameters(estimator, warm_start=True)
        yield f"warm start, {name}", partial(again, warm, rows)
        yield f"warm start, {name}, another alpha", partial(again, warm, rows, alpha=1.0)
    warm = with_parameters(NETWORK, warm_start=True)
    yield (
        "warm start, constraint",
        partial(again, with_parameters(warm, constraint=SpectralNormalization()), "words"),
    )
    yield (
        "warm start, a constraint comes",
        partial(again, warm, "words", constraint=SpectralNormalization()),
    )
    yield (
        "warm start, batch_normalization",
        partial(again, with_parameters(warm, batch_normalization=True), "words"),
    )
    yield (
        "warm start, early stopping",
        partial(again, with_parameters(warm, early_stopping=True), "three classes"),
    )
    yield "warm start, another solver", partial(again, warm, "three classes", solver="lbfgs")
    yield "warm start, another precision", partial(again, warm, "three classes", "float32")
    yield "warm start, other classes", partial(again, warm, "three classes", "two classes")
    yield (
        "warm start, other hidden layers",
        partial(again, warm, "three classes", hidden_layer_sizes=(4,)),
    )
    yield "warm start, another activation", partial(again, warm, "three classes", activation="tanh")
    yield "warm start, other columns", partial(again, warm, "three classes", (X[:, :3], THREE))
    yield "warm start, an indicator", partial(again, warm, "three classes", "indicator")
    yield (
        "warm start, linear, max_iter=0",
        partial(again, with_parameters(LINEAR, warm_start=True), "words", max_iter=0),
    )
    zero = with_parameters(LINEAR, warm_start=True, max_iter=0, random_state=0)
    normalized = {"constraint": SpectralNormalization(), "max_iter": 20}
    yield "warm start, linear, constraint after zeros", partial(again, zero, "words", **normalized)


def refits():
    classifiers = {
        "linear": LINEAR,
        "network": NETWORK,
        "lbfgs": WHOLE,
        "VAT": VAT,
        "ladder": LADDER,
    }
    for name, estimator in classifiers.items():
        yield f"refit, {name}", partial(again, estimator, "three classes", (FRAME, TWO))
    yield "refit, lbfgs after adam", partial(again, NETWORK, "three classes", solver="lbfgs")
    marked = with_parameters(NETWORK, unlabeled_label=-1)
    yield (
        "refit, labels of all rows",
        partial(again, marked, "few labels", "three classes", unlabeled_label=None),
    )
    yield "refit, regressor", partial(again, REGRESSOR, "outputs", "numbers")
    yield (
        "refit, critic without folds",
        partial(again, with_parameters(CRITIC, cv=2), "two classes", cv=None),
    )
    yield "refit, clusters", partial(again, IMSAT, "three classes", "DataFrame", n_clusters=2)
    yield "refit, sampler", partial(again, SAMPLER, "DataFrame", "three classes")
    yield "refit, search", partial(again, LINEAR_CV, "three classes", "two classes")
    trained = RobustTrainingClassifier(
        with_parameters(NETWORK, penalty=AdversarialLoss()), 0.2, n_rounds=1
    )
    yield (
        "refit, rounds before a penalty",
        partial(again, trained, "two classes", method="rounds", random_state=0),
    )


def partial_fits():
    names = ("two classes", "three classes", "words", "indicator", "sparse", "float32", "DataFrame")
    for name in names:
        yield f"partial_fit, {name}", partial(in_calls, NETWORK, name)
    for name in ("numbers", "outputs", "float32 numbers"):
        yield f"partial_fit, {name}", partial(in_calls, REGRESSOR, name)
    for name, parameters in {
        "sgd": {"solver": "sgd"},
        "noise": {"penalty": InputNoise(0.3)},
        "dropout": {"dropout": 0.3},
        "constraint": {"constraint": SpectralNormalization(2.0)},
        "projection": {"constraint": MaxNorm(0.3)},
        "batch normalization": {"batch_normalization": True},
        "class_weight": {"class_weight": "balanced"},
        "a generator": {"random_state": np.random.RandomState(5)},
        "no seed": {"random_state": None},
        "local radius": {"penalty": VirtualAdversarial("local")},
        "early stopping": {"early_stopping": True},
        "ramp-up": {"n_ramp_up_epochs": 2},
        "growing loss": {"penalty": CertifiedLoss(0.1, n_ramp_up_epochs=2)},
        "lbfgs": {"solver": "lbfgs"},
    }.items():
        yield (
            f"partial_fit, {name}",
            partial(in_calls, with_parameters(NETWORK, **parameters), "three classes"),
        )
    for name, options in {
        "classes": {"classes": np.arange(4)},
        "weights": {"sample_weight": WEIGHTS},
        "mask": {"mask": MASK},
        "after a fit": {"before": "three classes"},
        "before a fit": {"after": "two classes"},
        "another alpha": {"change": {"alpha": 1.0}},
        "another solver": {"change": {"solver": "sgd"}},
        "a constraint comes": {"change": {"constraint": SpectralNormalization()}},
        "other classes before": {"before": "two classes"},
        "other classes later": {"before": "three classes", "classes": np.arange(4)},
        "an indicator before": {"before": "indicator"},
        "another precision before": {"before": "float32"},
    }.items():
        yield f"partial_fit, {name}", partial(in_calls, NETWORK, "three classes", **options)
    marked = with_parameters(NETWORK, unlabeled_label=-1, penalty="virtual_adversarial")
    yield "partial_fit, few labels", partial(in_calls, marked, "few labels", classes=np.arange(3))
    yield (
        "partial_fit, few labels after a fit",
        partial(in_calls, marked, "few labels", before="few labels"),
    )
    yield "partial_fit, pickled", partial(pickled, NETWORK, "three classes")
    constrained = with_parameters(
        NETWORK, constraint=SpectralNormalization(), penalty=InputNoise(0.3)
    )
    yield "partial_fit, pickled, constraint and noise", partial(pickled, constrained, "words")


def conversions():
    for name, estimator, rows in (
        ("linear", LINEAR, "words"),
        ("network", NETWORK, "indicator"),
        ("regressor", REGRESSOR, "outputs"),
        ("softplus", WHOLE, "three classes"),
        ("linear, names", LINEAR, "DataFrame"),
        ("network, names", NETWORK, "DataFrame"),
        ("regressor, poisson", with_parameters(REGRESSOR, loss="poisson"), "counts"),
        ("sampler", SAMPLER, "three classes"),
    ):
        yield f"to_sklearn, {name}", partial(converted, estimator, rows)
    yield "sparsify", sparsified
    if find_spec("sklearn.callback"):
        yield (
            "callback, linear",
            partial(watched, with_parameters(LINEAR, max_iter=5), "three classes"),
        )
        yield "callback, network", partial(watched, NETWORK, "three classes")


# -- errors ----------------------------------------------------------------------------------------


def errors_of_each_estimator():
    every = {
        "linear": LINEAR,
        "network": NETWORK,
        "regressor": REGRESSOR,
        "VAT": VAT,
        "ladder": LADDER,
        "critic": CRITIC,
        "clusters": IMSAT,
        "sampler": SAMPLER,
        "search": LINEAR_CV,
    }
    for name, estimator in every.items():
        if name not in ("regressor", "clusters", "sampler"):
            yield f"error, one class, {name}", partial(fit, estimator, (X, np.zeros(N_ROWS, int)))
        yield (
            f"error, missing values, {name}",
            partial(fit, estimator, (np.where(MASK, np.nan, X), THREE)),
        )
    for name in ("network", "VAT", "ladder", "clusters", "critic", "regressor"):
        y = TWO if name == "critic" else THREE
        diverging = with_parameters(every[name], solver="sgd", learning_rate_init=1e12, max_iter=20)
        yield f"error, diverging, {name}", partial(fit, diverging, (1e30 * X, y))


def errors_of_rows():
    for name, rows in {
        "other lengths": (X, THREE[1:]),
        "no rows": (X[:0], THREE[:0]),
        "one column": (X[:, 0], THREE),
        "no labels": (X, np.full(N_ROWS, -1)),
        "missing labels": (X, np.where(TWO, None, WORDS)),
        "continuous classes": (X, _SCORE),
        "sparse targets": (X, csr_matrix(THREE[:, None])),
        "three columns of classes": (X, np.column_stack([THREE, THREE, THREE])),
        "no targets": (X, None),
    }.items():
        yield (
            f"error, {name}, network",
            partial(fit, with_parameters(NETWORK, unlabeled_label=-1), rows),
        )
        yield f"error, {name}, linear", partial(fit, LINEAR, rows)
    for name, options in {
        "negative weights": {"sample_weight": -WEIGHTS},
        "weights of zero": {"sample_weight": 0 * WEIGHTS},
        "weights of other rows": {"sample_weight": WEIGHTS[1:]},
        "mask of another shape": {"mask": MASK[:, 1:]},
    }.items():
        yield f"error, {name}", partial(again, NETWORK, "two classes", (X, THREE), options)
    yield (
        "error, diverged after another fit",
        partial(again, NETWORK, "two classes", (1e200 * X, THREE)),
    )


def errors_of_parameters():
    for name, parameters in {
        "penalty": {"penalty": "l2"},
        "alpha": {"alpha": -1.0},
        "hidden layers": {"hidden_layer_sizes": (0,)},
        "activation": {"activation": "sine"},
        "solver": {"solver": "newton"},
        "solver of a random penalty": {"solver": "lbfgs", "penalty": "virtual_adversarial"},
        "loss": {"loss": "poisson"},
        "two samples": {"loss": MeanDifference()},
        "constraint and batch_normalization": {
            "batch_normalization": True,
            "constraint": MaxNorm(),
        },
        "unlabeled_label": {"unlabeled_label": [1, 2]},
        "max_iter": {"max_iter": 0},
        "class_weight": {"class_weight": {0: -1.0}},
        "early stopping of few rows": {"early_stopping": True, "validation_fraction": 0.01},
        "early stopping without labels": {
            "early_stopping": True,
            "loss": InformationMaximization(),
        },
        "n_iter_no_change": {"n_iter_no_change": 0},
        "dropout": {"dropout": 1.0},
        "kind of class_weight": {"class_weight": "none"},
        "tiny class_weight": {"class_weight": dict.fromkeys(range(3), 1e-320)},
        "ramp-up of lbfgs": {"solver": "lbfgs", "n_ramp_up_epochs": 2},
        "early stopping of lbfgs": {"solver": "lbfgs", "early_stopping": True},
        "boolean unlabeled_label": {"unlabeled_label": True},
    }.items():
        yield f"error, {name}", partial(again, NETWORK, "three classes", **parameters)


def errors_of_samples():
    yield (
        "error, more clusters than rows",
        partial(fit, with_parameters(IMSAT, n_clusters=100), "three classes"),
    )
    yield "error, three samples", partial(fit, CRITIC, "three classes")
    yield "error, more folds than rows", partial(fit, with_parameters(CRITIC, cv=40), "two classes")
    yield (
        "error, an unbounded critic",
        partial(fit, with_parameters(SAMPLER, penalty=SpectralNorm()), "two classes"),
    )
    yield (
        "error, negative counts",
        partial(fit, with_parameters(REGRESSOR, loss="poisson"), "numbers"),
    )
    weighted, compared = (
        with_parameters(NETWORK, class_weight="balanced"),
        {"loss": MeanDifference(), "penalty": None},
    )
    samples = with_parameters(NETWORK, **compared)
    early = with_parameters(NETWORK, early_stopping=True, validation_fraction=0.5)
    yield "error, class_weight of an indicator", partial(fit, weighted, "indicator")
    yield "error, samples of an indicator", partial(fit, samples, "indicator")
    yield "error, a sample of weight zero", partial(fit, samples, "two classes", sample_weight=TWO)
    yield (
        "error, samples of a regressor",
        partial(fit, with_parameters(REGRESSOR, **compared), "numbers"),
    )
    yield (
        "error, early stopping with a class of one row",
        partial(fit, early, (X, np.append(TWO[1:], 2))),
    )
    yield (
        "error, early stopping with one row held out",
        partial(again, early, "indicator", validation_fraction=0.01),
    )
    yield "error, one class and the marker", partial(fit, VAT, (X, -TWO))
    yield (
        "error, more steps of the critic than steps",
        partial(fit, with_parameters(SAMPLER, n_critic=20), "words"),
    )


def extreme_numbers():
    for name, size in (("large", 1e307), ("small", 1e-307)):
        yield f"{name} numbers, critic", partial(fit, CRITIC, (size * X, TWO))
        yield f"{name} numbers, regressor", partial(fit, REGRESSOR, (X, size * OUTPUTS))
        yield f"{name} numbers, linear", partial(fit, LINEAR, (size * X, TWO))


# -- rows on many machines -------------------------------------------------------------------------


def distributed(estimator, X, y, sample_weight=None, method="fit"):
    """A fit, or what else takes rows, with dask arrays in three pieces."""
    import dask.array as da

    X, y = (da.from_array(values, chunks=(20, *values.shape[1:])) for values in (X, y))
    if method == "balanced_alpha":
        return balanced_alpha(estimator, X, y)
    if method == "regularization_path":
        return regularization_path(estimator, X, y, [0.1, 1.0])
    weights = (
        {} if sample_weight is None else {"sample_weight": da.from_array(sample_weight, chunks=20)}
    )
    return Fitted(getattr(clone(estimator), method)(X, y, **weights), X.compute())


def pieces():
    if not find_spec("dask"):
        return
    for name, estimator, y in (
        ("linear", LINEAR, THREE),
        ("linear, balanced", with_parameters(LINEAR, class_weight="balanced"), WORDS),
        ("linear, l1", with_parameters(LINEAR, penalty=InputGradient("l1")), TWO),
        ("network", WHOLE, THREE),
        ("regressor", with_parameters(REGRESSOR, solver="lbfgs", activation="tanh"), OUTPUTS),
        ("epochs", NETWORK, THREE),
        ("VAT", VAT, THREE),
    ):
        yield f"dask, {name}", partial(distributed, estimator, X, y)
        yield f"dask, {name}, weights", partial(distributed, estimator, X, y, WEIGHTS)
    yield "dask, partial_fit", partial(distributed, NETWORK, X, THREE, method="partial_fit")
    yield "dask, path", partial(distributed, LINEAR, X, THREE, method="regularization_path")
    yield "dask, balanced_alpha", partial(distributed, WHOLE, X, THREE, method="balanced_alpha")


GROUPS = (
    linear_models,
    networks,
    penalties_of_networks,
    losses_and_constraints,
    regressors,
    few_labels,
    virtual_adversarial_training,
    ladders,
    merged_classes,
    without_labels,
    critics,
    searches,
    paths,
    against_threats,
    warm_starts,
    refits,
    partial_fits,
    conversions,
    errors_of_each_estimator,
    errors_of_rows,
    errors_of_parameters,
    errors_of_samples,
    extreme_numbers,
    pieces,
)


def cases():
    """All configurations: functions without arguments, by name."""
    named = [case for group in GROUPS for case in group()]
    if len(dict(named)) < len(named):
        names = [name for name, _ in named]
        raise ValueError(
            f"configurations of the same name: {sorted({n for n in names if names.count(n) > 1})}"
        )
    return dict(named)
