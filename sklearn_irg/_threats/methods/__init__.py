"""All methods to attack and certify rows and to find distances, in order of preference."""

from sklearn_irg._checks import check_choice
from sklearn_irg._threats.budget import Budget
from sklearn_irg._threats.methods.additive_trees import AdditiveTreesSearch
from sklearn_irg._threats.methods.black_box_search import BlackBoxSearch
from sklearn_irg._threats.methods.deepfool import DeepFool
from sklearn_irg._threats.methods.gradient_ascent import GradientAscent
from sklearn_irg._threats.methods.linear import LinearClosedForm
from sklearn_irg._threats.methods.linear_bounds import LinearBounds
from sklearn_irg._threats.methods.lipschitz import LipschitzMargin
from sklearn_irg._threats.methods.mixed_integer import MixedIntegerDistances
from sklearn_irg._threats.methods.scorecard import Scorecard
from sklearn_irg._threats.methods.single_tree import SingleTree

__all__ = ["METHODS", "check_method", "choose", "names_of", "refusal"]

METHODS = (
    Scorecard,
    LinearClosedForm,
    SingleTree,
    AdditiveTreesSearch,
    LinearBounds,
    LipschitzMargin,
    MixedIntegerDistances,
    DeepFool,
    GradientAscent,
    BlackBoxSearch,
)


def names_of(question):
    """Values that ``method=`` may have for a question."""
    return ("auto", "exact", *(method.name for method in METHODS if question in method.answers))


def check_method(method, question):
    """Check the parameter ``method``."""
    return check_choice(method, "method", names_of(question))


def choose(problem, question, name="auto", budget=None):
    """First method that answers a question about a problem, or the one of that name.

    Parameters
    ----------
    problem : AttackProblem
        The rows.
    question : {"attack", "certify", "lower", "upper", "score"}
        Question about the rows, as in `Method`.
    name : str, default="auto"
        "auto", "exact" for exact methods only, or the name of a method.
    budget : Budget, default=None
        Limits on a search; ``None`` is the default.

    Returns
    -------
    method : Method or None
        None where no method applies.
    obstacles : list of str
        Reasons why the methods before it do not apply.
    """
    obstacles = []
    for method in METHODS:
        if question not in method.answers or not _is_meant(method, name):
            continue
        obstacle = _obstacle(method, problem, question, name)
        if obstacle is None:
            return method(problem, budget or Budget()), obstacles
        obstacles.append(f"{method.name}: {obstacle}")
    return None, obstacles


def _is_meant(method, name):
    if name == "auto":
        return not method.is_on_request
    return method.is_exact if name == "exact" else method.name == name


def _obstacle(method, problem, question, name):
    """Reason why a method does not apply to a problem, or None.

    Exact methods do not take ``valid`` into account, where their distances are lower bounds only.
    """
    if (
        method.is_exact
        and problem.threat.valid is not None
        and (question == "upper" or name == "exact")
    ):
        return "it knows nothing of the rows that valid rejects"
    return method.obstacle(problem)


def refusal(problem, name, obstacles):
    """Message that says why no method answers, and what to do instead."""
    if name not in ("auto", "exact"):
        return f"method={name!r} does not apply here: {obstacles[0].partition(': ')[2]}."
    if name == "exact" and problem.threat.valid is not None:
        return "no exact method knows of the rows that valid rejects. Use method='auto', whose answers are bounds."
    what = "is certain" if name == "auto" else "is known exactly"
    reason = _telling(problem, obstacles)
    return (
        f"nothing {what} about {problem.model.name} here{reason and f' ({reason})'}. Exact methods "
        "and certificates are for linear models, trees that can be read, and networks of "
        "activations with linear bounds, alone or behind steps that act column by column; behind "
        "others, pass pipe[-1] with pipe[:-1].transform(X). adversarial_accuracy and "
        "attack_distance give upper bounds with method='auto'."
    )


def _telling(problem, obstacles):
    """Obstacle of the method for this kind of model, or an empty string."""
    obstacles = dict(obstacle.split(": ", 1) for obstacle in obstacles)
    kinds = [AdditiveTreesSearch] if problem.model.contains_trees else []
    kinds += [MixedIntegerDistances, LinearBounds] if problem.model.has_weights else []
    return next((obstacles[kind.name] for kind in kinds if kind.name in obstacles), "")
