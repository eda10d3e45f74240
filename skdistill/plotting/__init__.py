"""Displays in scikit-learn's manner: size against quality, fidelity, calibration."""

from __future__ import annotations

from skdistill.plotting._calibration import CalibrationComparisonDisplay
from skdistill.plotting._fidelity import FidelityDisplay
from skdistill.plotting._pareto import ParetoDisplay

__all__ = ["CalibrationComparisonDisplay", "FidelityDisplay", "ParetoDisplay"]
