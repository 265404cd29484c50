"""Features that drop out of a linear model as the L1 input-gradient penalty grows.

On the breast-cancer table.

python benchmarks/l1_path.py
"""

from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_irg import GradRegLogisticRegression
from sklearn_irg.penalties import InputGradient


def main():
    X, y = load_breast_cancer(return_X_y=True)
    print(f"{'alpha':>7} {'features':>9} {'accuracy':>9}")
    for alpha in (0.001, 0.01, 0.03, 0.1, 0.3, 1.0):
        model = make_pipeline(
            StandardScaler(), GradRegLogisticRegression(InputGradient("l1"), alpha, max_iter=20000)
        )
        accuracy = cross_val_score(model, X, y, cv=5).mean()
        print(f"{alpha:7g} {(model.fit(X, y)[-1].coef_ != 0).sum():9d} {accuracy:9.3f}")


if __name__ == "__main__":
    main()
