"""The scorecard's parts: cuts, tables, pairs, fit, points."""
