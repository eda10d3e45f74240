"""The teachers: scikit-learn estimators on raw tables, in settings that are good as they are."""

from __future__ import annotations

from typing import Any

from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.model_selection import KFold, RandomizedSearchCV, StratifiedKFold
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks.encoding import make_encoder
from benchmarks.members import LabelledClassifier, SteadyMLPClassifier, SteadyMLPRegressor
