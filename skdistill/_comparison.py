"""Compare candidates by their losses on held-out rows, and plan how many fits that takes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from skdistill._choosing import Choices

# Folds that candidates are compared on, and those that are compared on more than the first one:
# the rules, the direct fit, and the best of the others.
MOST_FOLDS = 3
N_KEPT = 3


@dataclass(eq=False)
class Trial:
    """The losses of one candidate on the held-out rows of the folds so far."""

    choices: Choices
    losses: list[np.ndarray] = field(default_factory=list)
    weights: list[np.ndarray] = field(default_factory=list)
    seconds: float = 0.0

    def add(self, losses: np.ndarray, weights: np.ndarray, seconds: float) -> None:
        """Add what was measured on one fold; what is no number is as bad as can be."""
        self.losses.append(np.where(np.isnan(losses), np.inf, losses))
        self.weights.append(weights)
        self.seconds += seconds

    @property
    def score(self) -> float:
        """Weighted mean loss."""
        return float(np.average(np.concatenate(self.losses), weights=np.concatenate(self.weights)))

    def excess(self, other: Trial) -> tuple[float, float]:
        """Compute by how much it is worse on the folds of both, and the standard error of that."""
        n_folds = min(len(self.losses), len(other.losses))
        losses, others = (np.concatenate(trial.losses[:n_folds]) for trial in (self, other))
        weights = np.concatenate(self.weights[:n_folds])
        share = weights / weights.sum()
        if not (np.isfinite(losses).all() and np.isfinite(others).all()):
            return (0.0 if self is other else np.inf), 0.0
        difference = losses - others
        mean = float(share @ difference)
        return mean, float(np.sqrt((share**2) @ (difference - mean) ** 2))

    def is_as_good_as(self, other: Trial) -> bool:
        """Tell whether it is worse by no more than one standard error."""
        excess, error = self.excess(other)
        return bool(excess <= error)  # never where a loss is infinite

    def describe(self, chosen: Trial) -> dict[str, Any]:
        """Return what a record says of it."""
        excess, error = self.excess(chosen)
        return {
            **self.choices.describe(),
            "loss": self.score,
            "excess": excess,
            "standard_error": error,
            "n_folds": len(self.losses),
            "seconds": self.seconds,
            "chosen": self is chosen,
        }


def plan_rounds(budget: int, n_candidates: int, n_folds: int) -> tuple[int, int, int]:
    """Divide the student fits that may be spent.

    Parameters
    ----------
    budget : int
        Student fits, at least two.
    n_candidates, n_folds : int
        What there is to compare, and to compare on.

    Returns
    -------
    n_first, n_kept, n_folds : int
        How many candidates are fitted on the first fold, how many of these on the other folds,
        and the folds. ``n_first + n_kept * (n_folds - 1)`` is at most `budget`.

    Examples
    --------
    >>> from skdistill._comparison import plan_rounds
    >>> plan_rounds(12, 6, 3), plan_rounds(12, 4, 3), plan_rounds(8, 6, 3), plan_rounds(5, 6, 3)
    ((6, 3, 3), (4, 4, 3), (5, 3, 2), (2, 2, 2))
    """
    for folds in range(min(n_folds, MOST_FOLDS), 0, -1):
        if n_candidates * folds <= budget:
            return n_candidates, n_candidates, folds
        if N_KEPT * folds <= budget and folds > 1:
            n_kept = max(N_KEPT, budget // 4)
            n_first = min(n_candidates, budget - n_kept * (folds - 1))
            return n_first, min(n_kept, n_first), folds
    return 2, 2, min(n_folds, budget // 2, MOST_FOLDS)
