"""Any parameters and data: what is accepted gives finite weights, and what is not is named."""

import re
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from sklearn_irg import (
    GradRegLogisticRegression,
    GradRegMLPClassifier,
    GradRegMLPRegressor,
    IMSATClusterer,
    LadderClassifier,
    VATClassifier,
    WassersteinCritic,
    WassersteinSampler,
)
from sklearn_irg._checks import InvalidParameterError
from sklearn_irg.constraints import FrobeniusCap, MaxNorm, SpectralNormalization, WeightClipping
from sklearn_irg.losses import Flooding, LabelSmoothing, PenaltyLoss
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
    SpectralNorm,
    TargetNoise,
    VirtualAdversarial,
    WeightDecay,
    WeightNoise,
)
from sklearn_irg.solvers import LBFGS, SGD, Adam

ANY_NUMBER = st.sampled_from(
    [
        0,
        1,
        -1,
        0.5,
        2,
        1e-300,
        1e-9,
        1e9,
        1e300,
        np.nan,
        np.inf,
        np.float32(0.3),
        np.int8(3),
        np.uint8(200),
        True,
        None,
        "1",
    ]
)
COSTS = st.sampled_from([(1.0,), (1.0, 0.1, 0.0, 3.0), (), "1", (-1,), (np.nan,), 2.0, (1e300,)])
PENALTIES = st.one_of(
    st.sampled_from([None, "input_gradient", "weight_decay", "spectral_norm", "jacobian", "l2"]),
    st.builds(
        InputGradient,
        st.sampled_from(["l2", "l1"]),
        st.sampled_from([None, [0], [True, False, True], [], ["a"]]),
    ),
    st.builds(
        LipschitzGradient,
        ANY_NUMBER,
        st.sampled_from([True, False, "no"]),
        st.sampled_from(["data", "interpolates"]),
    ),
    st.builds(VirtualAdversarial, ANY_NUMBER, ANY_NUMBER, ANY_NUMBER),
    st.builds(LayerwiseVirtualAdversarial, COSTS, ANY_NUMBER, ANY_NUMBER, COSTS),
    st.builds(RandomPerturbation, ANY_NUMBER),
    st.builds(lambda *radius: VirtualAdversarial(LocalRadius(*radius)), ANY_NUMBER, ANY_NUMBER),
    st.builds(
        InputGradient,
        weights=st.sampled_from([{0: 2.0}, {0: -1}, {7: 1.0}, [1, 2, 1e300], [np.nan] * 3]),
        power=ANY_NUMBER,
    ),
    st.builds(
        lambda kind, size: kind(size),
        st.sampled_from([HiddenNoise, WeightNoise, LabelNoise, TargetNoise, InputDropout]),
        ANY_NUMBER,
    ),
    st.builds(
        ClassBalance, st.sampled_from([None, [0.2, 0.3, 0.5], [1.0, 1.0], [np.nan] * 3, "balanced"])
    ),
    st.just(ConditionalEntropy()),
    st.builds(WeightDecay, ANY_NUMBER),
    st.builds(AdversarialLoss, ANY_NUMBER, st.sampled_from(["l2", "linf"]), ANY_NUMBER, ANY_NUMBER),
    st.builds(CertifiedLoss, ANY_NUMBER, st.sampled_from(["l2", "linf", "l1"]), ANY_NUMBER),
    st.builds(InputNoise, ANY_NUMBER, ANY_NUMBER),
    st.builds(Jacobian, ANY_NUMBER),
    st.builds(
        lambda weight: weight * (RightReasons() + SpectralNorm()),
        st.sampled_from([0.0, 1.0, 1e300, np.nan]),
    ),
    st.builds(
        lambda squared: ParameterGradient(squared) + WeightDecay(),
        st.sampled_from([True, False, 1]),
    ),
)
SOLVERS = st.one_of(
    st.sampled_from(["adam", "sgd", "lbfgs", "newton"]),
    st.builds(Adam, ANY_NUMBER, ANY_NUMBER, ANY_NUMBER),
    st.builds(SGD, ANY_NUMBER, st.sampled_from([True, False, 1])),
    st.builds(LBFGS, ANY_NUMBER, ANY_NUMBER),
)
PARAMETERS = {
    "penalty": PENALTIES,
    "alpha": ANY_NUMBER,
    "l2": ANY_NUMBER,
    "solver": SOLVERS,
    "max_iter": ANY_NUMBER,
    "tol": ANY_NUMBER,
    "class_weight": st.sampled_from(
        [None, "balanced", {0: 0.0}, {0: 1e300}, {1: -1}, {2: "a"}, "none"]
    ),
    "warm_start": st.sampled_from([True, False, "no", 1]),
    "loss": st.one_of(
        st.sampled_from(
            [
                None,
                "poisson",
                Flooding(0.1),
                Flooding(np.nan),
                LabelSmoothing(0.5),
                LabelSmoothing(3),
                PenaltyLoss(None),
            ]
        ),
        st.builds(lambda penalty: Flooding(0.1, loss=PenaltyLoss(penalty)), PENALTIES),
        st.builds(PenaltyLoss, st.builds(AdversarialLoss, ANY_NUMBER)),
    ),
    "constraint": st.one_of(
        st.none(),
        st.builds(SpectralNormalization, ANY_NUMBER),
        st.builds(FrobeniusCap, ANY_NUMBER),
        st.builds(MaxNorm, ANY_NUMBER),
        st.builds(WeightClipping, ANY_NUMBER),
    ),
}
OF_PERCEPTRONS = {
    "hidden_layer_sizes": st.sampled_from([(), (3,), (3, 2), 0, np.uint8(4), 2.5, "3"]),
    "activation": st.sampled_from(
        ["relu", "tanh", "logistic", "softplus", "identity", "sine", None]
    ),
    "learning_rate_init": ANY_NUMBER,
    "batch_size": st.one_of(ANY_NUMBER, st.just("auto")),
    "unlabeled_batch_size": st.one_of(ANY_NUMBER, st.none()),
    "unlabeled_label": st.sampled_from([None, -1, 0, "?", (1, 2)]),
    "n_ramp_up_epochs": ANY_NUMBER,
    "batch_normalization": st.sampled_from([True, False, 1, "no"]),
    "n_iter_no_change": ANY_NUMBER,
    "early_stopping": st.sampled_from([True, False, "false"]),
    "validation_fraction": ANY_NUMBER,
    "dropout": ANY_NUMBER,
    "shuffle": st.sampled_from([True, False, 0]),
}
OF_ESTIMATOR = {
    IMSATClusterer: {
        "n_clusters": ANY_NUMBER,
        "mu": ANY_NUMBER,
        "n_init": st.sampled_from([1, 2, 0, "auto"]),
    },
    LadderClassifier: {
        "noise": st.sampled_from(
            ["gaussian", "adversarial", "adversarial_layerwise", "none", None]
        ),
        "noise_std": ANY_NUMBER,
        "denoising_costs": COSTS,
        "epsilon": st.one_of(ANY_NUMBER, COSTS),
    },
    WassersteinCritic: {"cv": st.one_of(st.none(), ANY_NUMBER, st.just("no")), "l2": ANY_NUMBER},
    WassersteinSampler: {
        "n_latent": ANY_NUMBER,
        "n_steps": st.sampled_from([1, 3, 0, -1, 2.5, None, np.int8(3)]),
        "n_critic": st.one_of(st.just(np.int8(2)), ANY_NUMBER),
        "generator_learning_rate_init": st.one_of(st.none(), ANY_NUMBER),
        "round_integers": st.sampled_from([True, False, 1]),
    },
}
SCALES = st.sampled_from([0.0, 1e-300, 1e-3, 1.0, 1e6, 1e30, 1e150, 3e307])


def parameters_of(Estimator):
    known = {
        **PARAMETERS,
        **OF_PERCEPTRONS,
        "epsilon": ANY_NUMBER,
        "xi": ANY_NUMBER,
        "n_power_iterations": ANY_NUMBER,
    }
    if Estimator in OF_ESTIMATOR:
        known |= OF_ESTIMATOR[Estimator]
    return st.fixed_dictionaries(
        {}, optional={k: v for k, v in known.items() if k in Estimator().get_params()}
    )


WEIGHTS = st.one_of(
    st.none(),
    st.sampled_from([1.0, -1, "a", np.nan, np.ones(11), np.ones((12, 1))]),
    st.lists(st.sampled_from([0.0, 1.0, 3, 1e-300, 1e300, -1, np.inf]), min_size=12, max_size=12),
)
MASKS = st.one_of(
    st.none(),
    st.sampled_from(
        [np.eye(12, 3), np.ones((12, 2)), np.zeros((12, 3), dtype=bool), np.full((12, 3), 2), "a"]
    ),
)


def error_of_fit(model, *args, **kwargs):
    """What fit raises, or None."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            model.fit(*args, **kwargs)
        except (ValueError, TypeError) as error:
            return error
    return None


@pytest.mark.parametrize(
    "Estimator",
    [
        GradRegLogisticRegression,
        GradRegMLPClassifier,
        GradRegMLPRegressor,
        VATClassifier,
        *OF_ESTIMATOR,
    ],
)
@given(
    data=st.data(),
    seed=st.integers(0, 1000),
    scale=SCALES,
    form=st.sampled_from([np.float64, np.float32, sparse.csr_array]),
    weight=WEIGHTS,
    mask=MASKS,
)
@settings(derandomize=True, deadline=None, max_examples=300)
def test_a_fit_is_finite_or_refused_by_name(Estimator, data, seed, scale, form, weight, mask):
    short = {"n_steps": 3} if Estimator is WassersteinSampler else {"max_iter": 3}
    model = Estimator(random_state=0).set_params(**{**short, **data.draw(parameters_of(Estimator))})
    X = np.random.RandomState(seed).standard_normal((12, 3)) * scale
    X = X if form is np.float32 and scale > 1e38 else form(X)
    takes_mask = Estimator in (GradRegLogisticRegression, GradRegMLPClassifier, GradRegMLPRegressor)
    arguments = {"sample_weight": weight, "mask": mask} if takes_mask else {"sample_weight": weight}
    error = error_of_fit(
        model, X, np.arange(12) % (2 if Estimator is WassersteinCritic else 3), **arguments
    )
    if error is None:
        weights = (
            model.coefs_ + model.intercepts_
            if hasattr(model, "coefs_")
            else [model.coef_, model.intercept_]
        )
        assert all(np.isfinite(array).all() for array in weights)
    elif not isinstance(error, InvalidParameterError):
        components = [
            kind.__name__
            for kind in (
                VirtualAdversarial,
                RandomPerturbation,
                AdversarialLoss,
                CertifiedLoss,
                InputNoise,
                LBFGS,
            )
        ]
        components += ["LipschitzGradient at interpolates", "early_stopping"]
        of_fit = [
            "X",
            "y",
            "cv",
            "Input X",
            "sample_weight",
            "Input sample_weight",
            "mask",
            "Sparse data was passed for X",
        ]
        assert re.match(
            rf"({'|'.join([*of_fit, 'training diverged', *components])})\b", str(error)
        ), error
