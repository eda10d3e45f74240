"""The evidence on whether a student should take its teacher's place."""

from __future__ import annotations

from skdistill.report._report import DistillationReport

__all__ = ["DistillationReport"]
