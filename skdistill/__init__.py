"""skdistill: distil heavy tabular models into the smallest student that is still good enough."""

from skdistill import export, students, teachers
from skdistill.distillation import DistilledClassifier, DistilledRegressor
from skdistill.persistence import load, save

__version__ = "0.1.0"

__all__ = [
    "DistilledClassifier",
    "DistilledRegressor",
    "__version__",
    "export",
    "load",
    "save",
    "students",
    "teachers",
]
