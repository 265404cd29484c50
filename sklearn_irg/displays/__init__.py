"""Displays, after scikit-learn's: ``from_estimator`` computes, ``plot`` draws on any axes and returns the display.

Arrays are stored, so a display can be drawn again elsewhere. matplotlib is imported when something is drawn. Colours are
those of Okabe and Ito, told apart with any colour vision; lines also differ in their markers.
"""

from sklearn_irg.displays._curves import RegularizationPathDisplay, RobustnessCurveDisplay
from sklearn_irg.displays._inputs import AdversarialExamplesDisplay, FeatureSensitivityDisplay, InputGradientDisplay
from sklearn_irg.displays._linear import MarginHistogramDisplay, TiltingPlaneDisplay

__all__ = [
    "AdversarialExamplesDisplay",
    "FeatureSensitivityDisplay",
    "InputGradientDisplay",
    "MarginHistogramDisplay",
    "RegularizationPathDisplay",
    "RobustnessCurveDisplay",
    "TiltingPlaneDisplay",
]
