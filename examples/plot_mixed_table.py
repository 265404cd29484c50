"""
How do I get from a table with gaps and categories to a robust model?
======================================================================

Which model, how strong a penalty, what does it depend on, and who is close to another
answer? A table as people have them: numbers, categories, missing cells. It is generated
here, so that the page needs no download.
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn_irg import GradRegLogisticRegressionCV, GradRegMLPClassifier
from sklearn_irg.attacks import (
    ThreatModel,
    adversarial_accuracy,
    adversarial_examples,
    certified_accuracy,
)
from sklearn_irg.displays import FeatureSensitivityDisplay, RobustnessCurveDisplay


def make_loans(n_samples, random_state):
    """A table of loans, and whether they were repaid."""
    rng = np.random.RandomState(random_state)
    table = pd.DataFrame(
        {
            "age": rng.randint(20, 70, n_samples),
            "income": rng.lognormal(10.4, 0.4, n_samples).round(-2),
            "debt": rng.lognormal(9.5, 0.6, n_samples).round(-2),
            "home": rng.choice(["rents", "owns", "family"], n_samples, p=[0.5, 0.3, 0.2]),
            "job": rng.choice(
                ["office", "trade", "care", "none"], n_samples, p=[0.4, 0.3, 0.2, 0.1]
            ),
        }
    )
    risk = np.log(table["debt"] / table["income"]) - table["age"] / 30
    risk += 0.4 * (table["home"] == "rents") + 0.5 * (table["job"] == "none")
    noise = 0.3 * rng.standard_normal(n_samples)
    table.loc[rng.random(n_samples) < 0.1, "income"] = np.nan
    table.loc[rng.random(n_samples) < 0.05, "job"] = None
    return table, np.where(risk + noise > risk.quantile(0.6), "default", "repaid")


loans, outcome = make_loans(1500, random_state=0)
X_train, X_test, y_train, y_test = train_test_split(
    loans, outcome, random_state=0, stratify=outcome
)
print(X_train.head().to_string())

# %%
# What may happen to a row: numbers move by 0.3 standard deviations in all, nobody gets
# younger, and one category changes.

threat = ThreatModel(0.3, n_swaps=1, directions={"age": "up"}).fit(loans)


def prepared(model):
    numbers = make_pipeline(SimpleImputer(), StandardScaler())
    words = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    selector = make_column_selector
    return make_pipeline(
        make_column_transformer(
            (numbers, selector(dtype_include="number")),
            (words, selector(dtype_exclude="number")),
        ),
        model,
    )


models = {
    "gradient boosting": HistGradientBoostingClassifier(max_iter=50, random_state=0),
    "MLP, no penalty": GradRegMLPClassifier(penalty=None, max_iter=1000, random_state=0),
    "MLP, input gradient": GradRegMLPClassifier(alpha=0.3, max_iter=1000, random_state=0),
    "logistic, no penalty": GradRegLogisticRegressionCV(alphas=[0.0], cv=5),
    "logistic, strength by one standard error": GradRegLogisticRegressionCV(
        cv=5, selection="one_standard_error"
    ),
}
models = {name: prepared(model).fit(X_train, y_train) for name, model in models.items()}

# %%
# Clean, attacked and certified accuracy of the same rows. For linear models the last two
# nearly coincide (ages are integers); boosting has no certificate.

rows, labels = X_test[:150], y_test[:150]
for name, model in models.items():
    attacked = adversarial_accuracy(model, rows, labels, threat)
    try:
        certified = f"{certified_accuracy(model, rows, labels, threat):.2f}"
    except TypeError:
        certified = "unknown"
    print(
        f"{name:>41}: clean {model.score(rows, labels):.2f}, attacked {attacked:.2f}, certified "
        f"{certified}"
    )

# %%
# How far each model's accuracy reaches.

linear = {name: model for name, model in models.items() if "boosting" not in name}
radii = ThreatModel([0, 0.1, 0.2, 0.3, 0.4, 0.6], n_swaps=1, directions={"age": "up"}).fit(
    loans
)
RobustnessCurveDisplay.from_estimators(linear, rows, labels, threat=radii)
plt.show()

# %%
# What the chosen model depends on: numbers by their gradients, categories by the proportion of
# rows that another level flips.

chosen = models["logistic, strength by one standard error"]
FeatureSensitivityDisplay.from_estimator(chosen, X_test, y_test)
plt.show()

# %%
# And a row that is close to the other answer, with the change that flips it.

examples = adversarial_examples(chosen, rows, labels, threat)
flipped = np.flatnonzero(
    (chosen.predict(rows) == labels) & (chosen.predict(examples) != labels)
)
i = flipped[0]
print(pd.DataFrame({"before": rows.iloc[i], "after": examples.iloc[i]}).to_string())

# %%
# **What was seen.** The models differ by a few points on clean rows, and by more under
# attack, where one changed category alone does half of the damage or more. The strength
# that is within one standard error of the best accuracy costs a little of it and keeps more
# rows correct; for a linear model attacked and certified accuracy nearly coincide.
