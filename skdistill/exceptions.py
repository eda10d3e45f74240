"""Warnings and errors of skdistill."""

from __future__ import annotations


class TeacherError(ValueError):
    """The teacher could not label the transfer set, or what it gave cannot be used."""


class ExportError(ValueError):
    """The student cannot be written in the form that was asked for."""


class ParityError(ExportError):
    """What was exported does not predict what the student does; nothing was written."""


class PersistenceError(ValueError):
    """The file holds no student that can be loaded, or the student cannot be saved."""


class OverconfidentTeacherWarning(UserWarning):
    """The soft targets of the training rows are nearly one-hot and carry little knowledge."""


class TeacherNotUsedWarning(UserWarning):
    """The student was fitted to the true labels alone: on held-out rows no teacher helped it."""


class UnmetToleranceWarning(UserWarning):
    """No student could be shown to be within the tolerance; the best one was taken."""
