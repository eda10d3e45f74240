"""skdistill: distil heavy tabular models into the smallest student that is still good enough."""

from skdistill import export, students, teachers
from skdistill.distillation import DistilledClassifier, DistilledRegressor
from skdistill.persistence import load, save
from skdistill.report import DistillationReport
from skdistill.search import CompactSearch
from skdistill.self_distillation import SelfDistilledClassifier, SelfDistilledRegressor

__version__ = "0.1.0"

__all__ = [
    "CompactSearch",
    "DistillationReport",
    "DistilledClassifier",
    "DistilledRegressor",
    "SelfDistilledClassifier",
    "SelfDistilledRegressor",
    "__version__",
    "export",
    "load",
    "save",
    "students",
    "teachers",
]
