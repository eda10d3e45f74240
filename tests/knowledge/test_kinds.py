"""What `knowledge` may be."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.base import clone

from skdistill import DistilledClassifier
from skdistill.knowledge import (
    FeatureKnowledge,
    RelationKnowledge,
    needs_teacher,
    resolve_knowledge,
)


def test_names_stand_for_the_defaults():
    feature, relation = resolve_knowledge(["relation", "response", "feature"])[::-1]
    assert feature.get_params() == FeatureKnowledge().get_params()
    assert relation.get_params() == RelationKnowledge().get_params()
    assert resolve_knowledge("response") == resolve_knowledge(["response"]) == ()


def test_instances_are_kept():
    feature = FeatureKnowledge(weight=2.0, representation=np.int64(1))
    assert resolve_knowledge(("response", feature)) == (feature,)


@pytest.mark.parametrize(
    ("knowledge", "message"),
    [
        ("feature", r"\['response', 'feature'\]"),
        (None, "must be 'response', or a list"),
        (FeatureKnowledge(), "must be 'response', or a list"),
        (["feature"], "lacks 'response'"),
        ([], "lacks 'response'"),
        (["response", "features"], "the entry 'features'"),
        (["response", FeatureKnowledge], "the entry"),
        (["response", "feature", FeatureKnowledge()], "a kind twice"),
        (["response", "response"], "a kind twice"),
        (["response", FeatureKnowledge(weight=0.0)], "weight of FeatureKnowledge .* > 0"),
        (["response", RelationKnowledge(weight=-1.0)], "weight of RelationKnowledge .* > 0"),
        (["response", FeatureKnowledge(n_components=0)], "n_components"),
        (["response", RelationKnowledge(n_landmarks=1)], "n_landmarks"),
    ],
)
def test_what_it_must_not_be(knowledge: Any, message: str):
    with pytest.raises(ValueError, match=message):
        resolve_knowledge(knowledge)


@pytest.mark.parametrize("representation", [None, 1.5, True])
def test_what_a_representation_must_not_be(representation: Any):
    for kind in (FeatureKnowledge, RelationKnowledge):
        with pytest.raises(TypeError, match="name or index of a layer, or a function"):
            resolve_knowledge(["response", kind(representation=representation)])


def test_a_function_needs_no_teacher():
    alone = [FeatureKnowledge(representation=len)]
    assert not needs_teacher([])
    assert not needs_teacher(alone)
    assert needs_teacher([*alone, RelationKnowledge()])


def test_clones_have_the_same_parameters():
    estimator = DistilledClassifier(knowledge=["response", RelationKnowledge(n_landmarks=9)])
    copy = clone(estimator)
    assert copy.knowledge[1].n_landmarks == 9
    assert copy.knowledge[1] is not estimator.knowledge[1]
