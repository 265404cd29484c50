"""Displays like scikit-learn's: ``from_estimator`` computes and draws, ``plot`` draws again.

Arrays are stored, so a display can be drawn again elsewhere. matplotlib is imported when something
is drawn. Colors are those of Okabe and Ito, which can be told apart with any color vision; lines
also differ in their markers.
"""

from sklearn_irg.displays._adversarial_examples import AdversarialExamplesDisplay
from sklearn_irg.displays._inputs import FeatureSensitivityDisplay, InputGradientDisplay
from sklearn_irg.displays._linear import MarginHistogramDisplay, TiltingPlaneDisplay
from sklearn_irg.displays._regularization_path import RegularizationPathDisplay
from sklearn_irg.displays._robustness_curve import RobustnessCurveDisplay

__all__ = [
    "AdversarialExamplesDisplay",
    "FeatureSensitivityDisplay",
    "InputGradientDisplay",
    "MarginHistogramDisplay",
    "RegularizationPathDisplay",
    "RobustnessCurveDisplay",
    "TiltingPlaneDisplay",
]
