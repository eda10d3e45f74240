"""The boosting student's parts: libraries, growth, and the strength of the penalties."""
