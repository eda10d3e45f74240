"""Which knowledge of a teacher is taught, and how it becomes hints for the student."""

from __future__ import annotations

from skdistill.knowledge._kinds import (
    FeatureKnowledge,
    Knowledge,
    RelationKnowledge,
    needs_teacher,
    resolve_knowledge,
)
from skdistill.knowledge._making import describe_hints, make_hints

__all__ = [
    "FeatureKnowledge",
    "Knowledge",
    "RelationKnowledge",
    "describe_hints",
    "make_hints",
    "needs_teacher",
    "resolve_knowledge",
]
