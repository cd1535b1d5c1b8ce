"""How Sphinx builds the site. `make docs` runs it with warnings as errors and no network."""

import re
import sys
from pathlib import Path

import tfae

sys.path.insert(0, str(Path(__file__).with_name("_ext")))

project = "tfae"
author = "The tfae developers"
copyright = f"2026, {author}"
version = release = tfae.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.viewcode",
    "numpydoc",
    "myst_parser",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
    "mathml",
    "parameter_groups",
]
sphinx_gallery_conf = {
    "examples_dirs": "examples",
    "gallery_dirs": "gallery",
    # A picture says enough; not the axes that the last line returns, too.
    "ignore_repr_types": r"matplotlib\.",
    "download_all_examples": False,
    "remove_config_comments": True,
    "abort_on_example_error": True,
    "min_reported_time": 1e9,
}
exclude_patterns = ["_build", "examples"]
templates_path = ["_templates"]
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_math_renderer = "mathml"

autosummary_generate = True
# The docstrings say the types; the annotations would name classes of NumPy and Keras.
autodoc_typehints = "none"
autodoc_member_order = "bysource"
# The class page lists its methods in full, so numpydoc adds no table of its own.
numpydoc_show_class_members = False
# The contents beside a class page have no room for its name before every method.
toc_object_entries_show_parents = "hide"
parameter_groups = {
    "tfae.Autoencoder": {
        "n_components": "Network",
        "corruption": "Noise and demands on the code",
        "scaling": "Data",
        "loss": "Training",
        "callbacks": "Output and callbacks",
    }
}
# A name in single backticks is a parameter or a piece of code.
default_role = "literal"

myst_enable_extensions = ["colon_fence", "dollarmath"]
myst_heading_anchors = 3

html_theme = "pydata_sphinx_theme"
html_title = f"tfae {release}"
html_theme_options = {
    "header_links_before_dropdown": 6,
    "navigation_with_keys": False,
    "secondary_sidebar_items": {"**": ["page-toc"], "index": []},
    "show_prev_next": False,
}
# Pages without neighbours have no navigation beside them.
html_sidebars = {name: [] for name in ("index", "quickstart", "coming-from", "changelog")}
html_show_sourcelink = False

# Names in inherited docstrings that live in other projects' documentation.
nitpick_ignore_regex = [
    (
        r"py:.*",
        r"(sklearn|numpy|np|pandas|pd|polars|scipy|keras|tensorflow|tf|matplotlib)\..*",
    ),
    (r"std:ref|ref", r"metadata_routing|df_output_transform|sphx_glr_.*"),
]


def undocumented() -> list[str]:
    """Public names that the reference does not list."""
    listed = re.findall(r"^ +(\w+)$", Path(__file__).with_name("api.rst").read_text(), re.M)
    public = [name for name in tfae.__all__ if not name.startswith("_")]
    return sorted(set(public) - set(listed))


if missing := undocumented():
    raise RuntimeError(f"docs/api.rst must list every public name. Missing: {', '.join(missing)}")
