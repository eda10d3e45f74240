"""The intermediate form as a Python module."""
