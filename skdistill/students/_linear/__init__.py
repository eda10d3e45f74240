"""The linear student's parts: objectives, fits, and the strength of the penalty."""
