"""Fitted students as code that runs without Python, or without this library."""

from skdistill.export._compile import CompiledStudent, compile
from skdistill.export.c import CReport, to_c
from skdistill.export.onnx import to_onnx
from skdistill.export.python import to_python

__all__ = ["CReport", "CompiledStudent", "compile", "to_c", "to_onnx", "to_python"]
