import numpy as np
from sklearn import get_config
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin, clone, is_classifier
from sklearn.utils import (
    check_array,
    check_consistent_length,
    check_random_state,
    column_or_1d,
    get_tags,
)
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping, process_routing
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import validate_data

from sklearn_irg._checks import (
    InvalidParameterError,
    check_boolean,
    check_choice,
    check_integer,
    check_real,
    check_sample_weight,
)
from sklearn_irg._robust_training.by_penalty import fit_by_penalty, trains_by_penalty
from sklearn_irg._robust_training.last_step import last_step, takes_weights
from sklearn_irg._robust_training.predictions import PredictsByEstimator
from sklearn_irg._robust_training.rounds import Rounds
from sklearn_irg._threats.arguments import as_threat, checked_budget, one_radius
from sklearn_irg._threats.robust_scores import ROBUST_SCORINGS, robust_score
from sklearn_irg._threats.table_perturbations import TablePerturbations
from sklearn_irg._threats.threat_model import ThreatModel
from sklearn_irg._threats.training_inputs import warn_of_valid


class RobustTrainingClassifier(
    PredictsByEstimator, ClassifierMixin, MetaEstimatorMixin, BaseEstimator
):
    """Train any classifier against a threat to its rows, by a penalty or in rounds.

    **By a penalty**, if the last step is a classifier of this package with a penalty such as
    `sklearn_irg.penalties.AdversarialLoss` or `sklearn_irg.penalties.CertifiedLoss`: the steps
    before it are fitted, the perturbation set of their output is computed, and the last step is
    trained against it. The steps have to act column by column and be affine in numbers.

    **In rounds** otherwise: fit the estimator, attack a random half of the training rows, add the
    nearby misclassified points, or else the worst that were tried, with their labels to all rows so
    far, and fit again [1]_. This works for every model that
    `sklearn_irg.attacks.adversarial_examples` can attack, above all boosted trees and forests, also
    in whole pipelines on mixed tables. One of the rounds is chosen by scores on rows that are held
    back: the most robust one of those that are nearly as good as the best without attack.

    Parameters
    ----------
    estimator : classifier
        Classifier to be trained, mostly a pipeline.
    threat : ThreatModel or float
        Changes that a row may undergo. A threat model that has not been fitted is fitted on X; a
        number is a radius in units of X.
    method : {"auto", "penalty", "rounds"}, default="auto"
        Way to train. "auto" is by a penalty where the last step has one that trains against a
        threat.
    n_rounds : int, default=20
        Number of refits, after a first fit on the rows as they are. This and what follows, but for
        ``scoring``, is for rounds.
    validation_fraction : float, default=0.1
        Share of each class that is held back to choose a round; with 0, or too few rows, the last
        one is taken.
    scoring : {"balanced_accuracy", "accuracy"}, default="balanced_accuracy"
        Score that is compared on the rows held back, clean and under attack.
    tolerance : float, default=None
        Largest difference of the chosen round's clean score from the best one; ``None`` is one
        standard error.
    max_rows : int, default=None
        Largest number of rows in a fit: the oldest copies go first. ``None`` means no limit, so
        that there are up to ``n_rounds / 2 + 1`` times as many as X has.
    max_nodes : int, default=10_000
        As in `sklearn_irg.attacks.adversarial_accuracy`, for each row and radius.
    random_state : int, RandomState instance or None, default=None
        Chooses the rows held back, and those that each round moves.
    verbose : bool, default=False
        Whether to print the scores of each round.

    Attributes
    ----------
    estimator_ : classifier
        Fitted classifier that predicts, in rounds that of the chosen one.
    classes_ : ndarray of shape (n_classes,)
        Class labels.
    threat_ : ThreatModel
        Fitted threat model of training.
    history_ : dict of str to ndarray of shape (n_fits,)
        In rounds only, by round, starting with the fit on the rows as they are: "score" and
        "attacked_score" on the rows held back (NaN without any), "n_rows" in the fit.
    best_round_ : int
        In rounds only: number of the chosen round.
    robust_score_ : float
        Score under attack on the training rows, by ``scoring``, as far as the attack of training
        finds it.
    n_features_in_ : int
        Number of columns.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of columns, where X has names.

    Raises
    ------
    ValueError
        In ``fit``, for a threat model of other columns, with several radii, or under which nothing
        changes, for weights if the last step takes none, and, for training by a penalty, if the
        perturbation set behind the steps before it cannot be computed.
    TypeError
        In ``fit``, if the estimator is no classifier.

    Warns
    -----
    UserWarning
        In ``fit``, if a classifier of this package has no penalty that trains against a threat, or
        its ``alpha`` is the default, which is meant for other penalties.

    See Also
    --------
    sklearn_irg.attacks.ThreatModel : Changes that a row may undergo.
    sklearn_irg.attacks.evaluate_robustness : Attacks and certificates for a fitted model.
    sklearn_irg.penalties.AdversarialLoss : Trains linear models and MLPs against a threat.

    Notes
    -----
    The first rounds may be less robust than none: rows have to accumulate. Points that are found
    move on at random where they stay misclassified, since attacks stop right behind a threshold. Of
    the rows that are misclassified as they are, which have nothing to lose, only half of those
    chosen are added again. Robust models score less without attack, and a model that is hardened
    against one threat may be weak against another: check other radii and threats, too. Where a
    class is rare, pass an estimator with ``class_weight="balanced"``.

    References
    ----------
    .. [1] Kantchelian, Tygar and Joseph (2016), "Evasion and hardening of tree ensemble
       classifiers".

    Examples
    --------
    >>> from sklearn.datasets import make_moons
    >>> from sklearn.ensemble import HistGradientBoostingClassifier
    >>> from sklearn_irg import RobustTrainingClassifier
    >>> from sklearn_irg.attacks import ThreatModel, adversarial_accuracy
    >>> X, y = make_moons(1000, noise=0.25, random_state=0)
    >>> threat = ThreatModel(0.3).fit(X[:500])
    >>> boosting = HistGradientBoostingClassifier(max_iter=50, random_state=0)
    >>> hardened = RobustTrainingClassifier(boosting, threat, n_rounds=5, tolerance=0.05, random_state=0)
    >>> for model in boosting.fit(X[:500], y[:500]), hardened.fit(X[:500], y[:500]):
    ...     print(f"{model.score(X[500:], y[500:]):.2f} {adversarial_accuracy(model, X[500:], y[500:], threat):.2f}")
    0.9... 0.6...
    0.9... 0.7...
    """

    def __init__(
        self,
        estimator,
        threat,
        *,
        method="auto",
        n_rounds=20,
        validation_fraction=0.1,
        scoring="balanced_accuracy",
        tolerance=None,
        max_rows=None,
        max_nodes=10_000,
        random_state=None,
        verbose=False,
    ):
        self.estimator = estimator
        self.threat = threat
        self.method = method
        self.n_rounds = n_rounds
        self.validation_fraction = validation_fraction
        self.scoring = scoring
        self.tolerance = tolerance
        self.max_rows = max_rows
        self.max_nodes = max_nodes
        self.random_state = random_state
        self.verbose = verbose

    def fit(self, X, y, sample_weight=None, **params):
        """Train the estimator.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            Rows, as the estimator takes them.
        y : array-like of shape (n_samples,)
            Labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows, which the last step gets; added rows have the weights of those that
            they come from.
        **params : dict
            Passed on to the estimator's ``fit`` by metadata routing, where it is enabled; what is
            as long as X has a value for each row.

        Returns
        -------
        self : object
            The fitted estimator.
        """
        self._check_parameters(params)
        validate_data(self, X, skip_check_array=True)
        if y is None:
            raise ValueError(
                "RobustTrainingClassifier requires y to be passed, but the target y is None."
            )
        y = column_or_1d(check_array(y, ensure_2d=False, dtype=None, input_name="y"), warn=True)
        check_consistent_length(X, y)
        check_classification_targets(y)
        weights = check_sample_weight(1.0 if sample_weight is None else sample_weight, len(y))
        if sample_weight is not None and not takes_weights(self.estimator):
            raise InvalidParameterError(
                "sample_weight needs a last step whose fit takes it; got none."
            )
        self.classes_ = np.unique(y)
        self.threat_ = self._fitted_threat(X)
        tables = TablePerturbations.of(self.threat_, X)
        if not (tables.arrays.movable_columns.any() or tables.arrays.columns):
            raise InvalidParameterError(
                "nothing may change under the threat model; use the estimator without it."
            )
        has_weights, params = sample_weight is not None, self._routed(params)
        if trains_by_penalty(self.estimator, self.method):
            self._fit_by_penalty(X, y, weights if has_weights else None, params)
        else:
            self._fit_in_rounds(tables, y, weights, params, has_weights)
        return self

    def _fit_by_penalty(self, X, y, weights, params):
        self.estimator_, withstands = fit_by_penalty(
            self.estimator, X, y, weights, params, self.threat_
        )
        self.classes_ = self.estimator_.classes_
        counted = np.isin(y, self.classes_)
        if weights is not None:
            counted &= weights > 0
            weights = weights[counted]
        self.robust_score_ = robust_score(~withstands[counted], y[counted], self.scoring, weights)
        for name in ("history_", "best_round_"):  # of an earlier fit
            vars(self).pop(name, None)

    def _fit_in_rounds(self, tables, y, weights, params, has_weights):
        rng = check_random_state(self.random_state)
        rounds = Rounds(self, rng, tables, y, weights, params, has_weights=has_weights)
        rounds.run(*self._split(y, weights, rng))
        self.estimator_, self.best_round_ = rounds.chosen()
        self.history_ = {name: np.array(values) for name, values in rounds.history.items()}
        self.robust_score_ = rounds.score_on_training_rows(self.best_round_)

    def _check_parameters(self, params):
        check_choice(self.method, "method", ("auto", "penalty", "rounds"))
        check_choice(self.scoring, "scoring", ROBUST_SCORINGS)
        check_integer(self.n_rounds, "n_rounds", 0)
        check_real(self.validation_fraction, "validation_fraction", 0, 1, open_high=True)
        check_boolean(self.verbose, "verbose")
        if self.tolerance is not None:
            check_real(self.tolerance, "tolerance", 0)
        if self.max_rows is not None:
            check_integer(self.max_rows, "max_rows", 1)
        checked_budget(self.max_nodes)
        if not is_classifier(self.estimator):
            last = last_step(self.estimator)
            raise TypeError(f"estimator must be a classifier; got {type(last).__name__}.")
        if params and not get_config()["enable_metadata_routing"]:
            raise ValueError(
                f"{', '.join(params)} can only be passed with enable_metadata_routing=True, by "
                "sklearn.set_config."
            )

    def _fitted_threat(self, X):
        one_radius(self.threat)
        threat = clone(self.threat, safe=False)  # the threat model of training stays unchanged
        if isinstance(threat, ThreatModel) and not hasattr(threat, "scales_"):
            threat.fit(X)
        threat = as_threat(threat, X)
        warn_of_valid(threat, stacklevel=3)
        return threat

    def _routed(self, params):
        return dict(process_routing(self, "fit", **params).estimator.fit) if params else {}

    def _split(self, y, weights, rng):
        """Positions of the training rows, and of those held back.

        A share of each class is held back, and at least one row of it is a training row.
        """
        held = np.zeros(len(y), dtype=bool)
        for label in self.classes_:
            rows = rng.permutation(np.flatnonzero((y == label) & (weights > 0)))
            held[
                rows[: min(round(self.validation_fraction * len(rows)), max(len(rows) - 1, 0))]
            ] = True
        return np.flatnonzero(~held), np.flatnonzero(held)

    def score(self, X, y, sample_weight=None):
        """Accuracy without attack.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            Rows.
        y : array-like of shape (n_samples,)
            Their labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.

        Returns
        -------
        score : float
            Between 0 and 1.
        """
        return super().score(X, y, sample_weight)

    def get_metadata_routing(self):
        """Metadata that ``fit`` passes on, as a scikit-learn `MetadataRouter`."""
        mapping = MethodMapping().add(caller="fit", callee="fit")
        router = MetadataRouter(owner=self).add_self_request(self)
        return router.add(estimator=self.estimator, method_mapping=mapping)

    def __sklearn_tags__(self):
        tags, inner = super().__sklearn_tags__(), get_tags(self.estimator)
        tags.input_tags.allow_nan = inner.input_tags.allow_nan
        tags.input_tags.categorical = inner.input_tags.categorical
        tags.input_tags.string = inner.input_tags.string
        tags.non_deterministic = inner.non_deterministic
        return tags
