"""The intermediate form as C99."""
