"""The pruned student's parts: the teacher's trees, their tops, raw splits, leaf values."""
