"""Adapters that turn anything into aligned, checked soft targets."""

from __future__ import annotations

from skdistill.teachers._autogluon import AutoGluonTeacher
from skdistill.teachers._base import Teacher
from skdistill.teachers._booster import BoosterTeacher
from skdistill.teachers._callable import CallableTeacher
from skdistill.teachers._diagnosis import LabelDiagnosis, diagnose_labels
from skdistill.teachers._ensemble import EnsembleTeacher
from skdistill.teachers._labelling import label_rows
from skdistill.teachers._onnx import OnnxTeacher
from skdistill.teachers._representation import check_representation
from skdistill.teachers._resolve import (
    as_teacher,
    check_class_order,
    find_task,
    keep_fitted,
    resolve_classes,
)
from skdistill.teachers._sklearn import EstimatorTeacher
from skdistill.teachers._torch import TorchTeacher

__all__ = [
    "AutoGluonTeacher",
    "BoosterTeacher",
    "CallableTeacher",
    "EnsembleTeacher",
    "EstimatorTeacher",
    "LabelDiagnosis",
    "OnnxTeacher",
    "Teacher",
    "TorchTeacher",
    "as_teacher",
    "check_class_order",
    "check_representation",
    "diagnose_labels",
    "find_task",
    "keep_fitted",
    "label_rows",
    "resolve_classes",
]
