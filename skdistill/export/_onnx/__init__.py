"""The intermediate form as an ONNX graph."""
