"""Find the smallest student that is good enough."""

from skdistill.search._search import CompactSearch

__all__ = ["CompactSearch"]
