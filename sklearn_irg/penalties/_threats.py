"""Common part of penalties that train against a threat model."""

from copy import copy

from sklearn_irg._checks import InvalidParameterError

__all__ = ["RADIUS", "TakesThreat"]

# default, of the ball around each row: a tenth of a standard deviation of standardized columns
RADIUS = 0.1


class TakesThreat:
    """A penalty at points near each row: in a perturbation set if there is one, else in a ball.

    The set is that of the penalty's own ``threat``, or comes with the rows from
    `sklearn_irg.RobustTrainingClassifier`.
    """

    takes_threat = True
    _inputs = None  # perturbation sets of the rows of the fit, once known
    _of_a_ball = (
        "epsilon",
        "norm",
        "features",
    )  # parameters that a threat replaces; None where they are not given

    def _check_threat(self):
        """Raise a ValueError for a threat that is of no use in training, or comes with a radius."""
        if self.threat is None:
            return
        if not hasattr(self.threat, "input_perturbations") or not hasattr(self.threat, "scales_"):
            raise InvalidParameterError(
                f"threat of {type(self).__name__} must be a ThreatModel that has been fitted, such "
                f"as ThreatModel(0.3).fit(X), or None; got {self.threat!r}."
            )
        self._check_alone("a threat")

    def _check_alone(self, threat):
        for name in self._of_a_ball:
            if getattr(self, name) is not None:
                raise InvalidParameterError(
                    f"{name} of {type(self).__name__} cannot be combined with {threat}, which says "
                    f"how far rows may move; got {name}={getattr(self, name)!r}."
                )

    def _has_threat(self, rows):
        """Whether there is more than a ball around each row."""
        return self.threat is not None or rows.perturbations is not None

    def _inputs_of(self, rows):
        """Perturbation sets of the rows of a fit, as `InputPerturbations`; None for balls."""
        if self.threat is None:
            if rows.perturbations is not None:
                self._check_alone("the threat of RobustTrainingClassifier")
            return rows.perturbations
        if rows.perturbations is not None and self.takes_threat:
            raise InvalidParameterError(
                f"threat of {type(self).__name__} cannot be combined with that of "
                "RobustTrainingClassifier. Leave one out."
            )
        if not rows.are_as_given:
            raise InvalidParameterError(
                f"threat of {type(self).__name__} is not taken by an estimator that scales its "
                "inputs itself. Leave it out."
            )
        return self.threat.input_perturbations(rows.X, rows.columns.names)

    def _with_inputs(self, inputs):
        """The same penalty for rows with these perturbation sets."""
        if inputs is None:
            return self
        other = copy(self)
        other._inputs = inputs
        return other
