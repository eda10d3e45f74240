"""Trees of fitted models as plain arrays: what students are made of or take thresholds from."""

from skdistill._ensembles._forest import LEAF, Forest
from skdistill._ensembles._sources import Source, find_sources

__all__ = ["LEAF", "Forest", "Source", "find_sources"]
