"""How the documentation is built: `make docs`."""

import subprocess
import sys
from pathlib import Path

import skmix

project = "skmix"
author = "the skmix developers"
copyright = "the skmix developers"
version = release = skmix.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "sphinx_gallery.gen_gallery",
    "sphinx.ext.mathjax",
]
exclude_patterns = ["_build", "_generated", "_templates", "examples"]
templates_path = ["_templates"]
default_role = "literal"

autosummary_generate = True
autodoc_typehints = "none"
autodoc_preserve_defaults = True
numpydoc_show_class_members = False

sphinx_gallery_conf = {
    "examples_dirs": "examples",
    "gallery_dirs": "auto_examples",
    "filename_pattern": "plot_",
    "within_subsection_order": "FileNameSortKey",
    "capture_repr": ("_repr_html_", "__repr__"),
    "ignore_repr_types": r"matplotlib|Display",
    "download_all_examples": False,
    "show_signature": False,
    "image_srcset": ["2x"],
}

html_theme = "pydata_sphinx_theme"
html_title = "skmix"
html_static_path = ["_static"]
html_css_files = ["skmix.css"]
html_show_sourcelink = False
html_theme_options = {
    "logo": {"text": "skmix"},
    "show_toc_level": 2,
    "navigation_with_keys": False,
    "navbar_align": "left",
    "header_links_before_dropdown": 7,
    "footer_start": ["copyright"],
    "footer_end": [],
    "secondary_sidebar_items": ["page-toc"],
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
# Pages without siblings need no sidebar.
html_sidebars = {
    "index": [],
    "install": [],
    "start": [],
    "mixrl": [],
    "regression": [],
    "imbalance": [],
    "mixann": [],
    "active": [],
    "lada": [],
    "benchmarks": [],
    "benchmarks_regression": [],
    "benchmarks_imbalance": [],
    "benchmarks_active": [],
    "pipelines": [],
    "pitfalls": [],
    "callbacks": [],
    "whats_new": [],
    "develop": [],
}

# The tables and figures of the benchmarks, from the results that are kept with them.
here = Path(__file__).parent
subprocess.run(
    [
        sys.executable,
        here.parent / "benchmarks/compare/tables.py",
        "--out",
        here / "_generated",
    ],
    check=True,
    stdout=subprocess.DEVNULL,
)


def skip_member(app, what, name, obj, skip, options):
    """Document the methods of skmix; those of scikit-learn are in its own manual."""
    module = getattr(obj, "__module__", None) or getattr(
        getattr(obj, "fget", None), "__module__", ""
    )
    return skip or not str(module).startswith("skmix")


def setup(app):
    app.connect("autodoc-skip-member", skip_member)
