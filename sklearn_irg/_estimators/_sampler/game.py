"""Game of a generator and a critic: the objectives of both, and a solver that alternates."""

import numpy as np

from sklearn_irg._engine.objective import Objective
from sklearn_irg._engine.passes import add_weight_gradients, forward_cotangents
from sklearn_irg._engine.rows import Batch
from sklearn_irg.losses import MeanDifference
from sklearn_irg.solvers import Adam

__all__ = ["AlternatingAdam", "Game"]

_TABLE, _GENERATED = MeanDifference.samples  # the critic is large on the first


class Game(Objective):
    r"""Objectives of a critic and of the generator that it plays against.

    The critic minimizes its objective on rows of a table and as many generated ones; the generator
    minimizes minus the critic's mean on generated rows.

    The parameters θ are those of the critic, followed by those of the generator. Each player's
    objective is a function of that player's parameters: for the critic generated rows are
    constants, for the generator the critic is.

    Parameters
    ----------
    network : Network
        The critic.
    rows : Rows
        The table.
    terms : list of (float, Term)
        Terms of the critic's objective: the difference of its means on generated rows and those of
        the table, and penalties.
    generator : Network
        Network from latent variables to rows.
    parametrization : Parametrization, default=NoReparametrization()
        Map from the solver's parameters to the critic's.
    """

    def __init__(self, network, rows, terms, *, generator, parametrization=None):
        super().__init__(network, rows, terms, parametrization=parametrization)
        self.generator = generator
        self.of_critic = slice(None, network.n_parameters)
        self.of_generator = slice(network.n_parameters, None)

    def value_and_grad(self, theta, batch, random_state=None):
        """Value and gradient of the critic's objective.

        The gradient is zero with respect to the generator's parameters.
        """
        both = self._both_samples(theta, batch, random_state)
        gradient = np.zeros_like(theta)
        value, gradient[self.of_critic] = super().value_and_grad(
            theta[self.of_critic], both, random_state
        )
        return value, gradient

    def value(self, theta, batch, random_state=None, terms=None):
        """Value of the critic's objective, of all terms or of some."""
        both = self._both_samples(theta, batch, random_state)
        return super().value(theta[self.of_critic], both, random_state, terms)

    def opposing_value_and_grad(self, theta, n_samples, random_state):
        """Minus the critic's mean on ``n_samples`` new rows, and its gradient.

        The gradient is zero with respect to the critic's parameters.
        """
        latent = self._latent(n_samples, random_state)
        made = self.generator.forward(theta[self.of_generator], latent)
        critic = self.effective(theta)
        scores = self.network.forward(critic, made[-1])
        cotangent = self.network.pull_back(critic, scores, np.full_like(scores[-1], -1 / n_samples))
        gradient = np.zeros_like(theta)
        cotangents = forward_cotangents([None] * (len(made) - 1) + [cotangent], made)
        layers = self.generator.unpack(gradient[self.of_generator])
        add_weight_gradients(layers, cotangents, made, latent)
        return -float(scores[-1].mean()), gradient

    def project(self, theta):
        """Bring the critic's parameters back, in place."""
        super().project(theta[self.of_critic])

    def effective(self, theta):
        """Parameters of the critic."""
        return super().effective(theta[self.of_critic])

    def _latent(self, n_samples, random_state):
        shape = n_samples, self.generator.layer_sizes[0]
        return random_state.standard_normal(shape).astype(self.rows.X.dtype, copy=False)

    def _both_samples(self, theta, batch, random_state):
        """Rows of the table, followed by as many generated ones."""
        n = batch.n_samples
        made = self.generator.outputs(theta[self.of_generator], self._latent(n, random_state))
        of_table = batch.weights["all"] / batch.weights["all"].sum()
        none = np.zeros_like(of_table)
        weights = {
            _TABLE: np.append(of_table, none),
            _GENERATED: np.append(none, np.full_like(of_table, 1 / n)),
        }
        weights["all"] = (weights[_TABLE] + weights[_GENERATED]) / 2
        return Batch(slice(None), np.concatenate([batch.X, made]), None, None, weights, 2.0 * n)


class AlternatingAdam(Adam):
    """Adam for a `Game`: the generator takes a step after each ``n_critic`` steps of the critic.

    Parameters
    ----------
    n_critic : int
        Steps of the critic for each of the generator's.
    speed : float
        Step size of the generator over that of the critic.
    beta_1, beta_2, epsilon, decay_start : float
        As in `Adam`, for both players.
    """

    def __init__(
        self, n_critic=1, speed=1.0, beta_1=0.9, beta_2=0.999, epsilon=1e-8, decay_start=1.0
    ):
        super().__init__(beta_1, beta_2, epsilon, decay_start)
        self.n_critic = n_critic
        self.speed = speed

    def _step(self, objective, theta, batch, random_state, state, learning_rate):
        value, gradient = objective.value_and_grad(theta, batch, random_state)
        n_earlier = state["n_steps"]
        self._move_part(objective.of_critic, theta, gradient, state, n_earlier, learning_rate)
        objective.project(theta)
        state["n_steps"] += 1
        n_rounds, n_after = divmod(state["n_steps"], self.n_critic)
        if n_after == 0:
            _, gradient = objective.opposing_value_and_grad(theta, batch.n_samples, random_state)
            self._move_part(
                objective.of_generator,
                theta,
                gradient,
                state,
                n_rounds - 1,
                self.speed * learning_rate,
            )
        return value

    def _move_part(self, part, theta, gradient, state, n_earlier, learning_rate):
        """Move the parameters of one player, which has taken ``n_earlier`` steps before."""
        of_part = {name: state[name][part] for name in ("mean", "square")}
        of_part["n_steps"] = n_earlier
        self.move(theta[part], gradient[part], of_part, learning_rate)
