"""Examples that need a library which is large and left out of the extra ``test``."""

from importlib.util import find_spec

collect_ignore = [] if find_spec("torch") else ["skdistill/teachers/_torch.py"]
