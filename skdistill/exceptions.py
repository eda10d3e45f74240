"""Warnings and errors of skdistill."""

from __future__ import annotations


class TeacherError(ValueError):
    """The teacher could not label the transfer set, or what it gave cannot be used."""


class OverconfidentTeacherWarning(UserWarning):
    """The soft targets of the training rows are nearly one-hot and carry little knowledge."""
