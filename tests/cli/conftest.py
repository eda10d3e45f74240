"""The files that the tests of the command line start from."""

from __future__ import annotations

import joblib
import pytest
from cli_files import NUMBERS, TEXTS, Files, make_frame, make_teacher


@pytest.fixture
def files(tmp_path, request):
    """Files for the binary target, or for the one that the test names as a parameter."""
    target = getattr(request, "param", "binary")
    frame = make_frame(150)
    columns = [*NUMBERS, *TEXTS, target]
    frame[columns].to_csv(tmp_path / "train.csv", index=False)
    make_frame(60, seed=1)[columns].to_csv(tmp_path / "test.csv", index=False)
    teacher = make_teacher(frame, target)
    joblib.dump(teacher, tmp_path / "teacher.joblib")
    return Files(tmp_path, frame, teacher, target)
