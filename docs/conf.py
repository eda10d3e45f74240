"""Sphinx configuration; warnings are errors in the build."""

from __future__ import annotations

import skdistill

project = "skdistill"
author = "skdistill developers"
project_copyright = "2026, skdistill developers"
version = release = skdistill.__version__

extensions = ["sphinx.ext.autodoc", "sphinx.ext.autosummary", "numpydoc", "myst_parser"]
exclude_patterns = ["_build"]
templates_path = ["_templates"]

autosummary_generate = True
autodoc_typehints = "none"  # numpydoc's sections give types and shapes
numpydoc_show_class_members = False  # the class template lists them
numpydoc_xref_param_type = False
# Every public parameter is documented, under its own name and in the order of the signature.
numpydoc_validation_exclude = {r"\.Sampler$", r"Record$", r"\.CReport$"}  # not made by the user
numpydoc_validation_checks = {"PR01", "PR02", "PR03", "PR07", "PR10", "RT01", "SS03", "SS05"}

html_theme = "pydata_sphinx_theme"
html_title = "skdistill"
html_static_path = ["_static"]
html_show_sourcelink = False
html_theme_options = {
    "navigation_with_keys": False,
    "show_nav_level": 2,
    "footer_start": ["copyright"],
    "footer_end": [],
}
