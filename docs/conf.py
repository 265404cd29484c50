"""The site: ``python -m pip install --group docs && python -m sphinx -W docs site``, without a network."""

import os
import sys
from pathlib import Path

from docutils.nodes import SkipNode
from docutils.utils.math.latex2mathml import tex2mathml

os.environ["OMP_NUM_THREADS"] = "1"  # several threads crawl where another program uses a core
sys.path.insert(0, str(Path(__file__).parents[1]))  # the package of this checkout, installed or not
from sklearn_irg import __version__ as version

project = "sklearn_irg"
author = "The sklearn_irg developers"
copyright = author
release = version

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.intersphinx",
    "sphinx_copybutton",
    "sphinx_gallery.gen_gallery",
    "myst_parser",
    "numpydoc",
]
exclude_patterns = [
    "inventories",
    "gallery/**/*.ipynb",
    "gallery/**/*.py",
    "gallery/**/*.md5",
    "gallery/**/*.json",
]
templates_path = ["templates"]
default_role = "py:obj"
nitpicky = False

# Markdown
myst_enable_extensions = ["dollarmath", "colon_fence", "deflist"]
myst_heading_anchors = 3
suppress_warnings = ["config.cache"]  # functions in the gallery's configuration

# docstrings
autosummary_generate = True
autodoc_typehints = "none"
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False
numpydoc_xref_param_type = True
numpydoc_xref_aliases = {
    "array-like": "numpy.typing.ArrayLike",
    "ndarray": "numpy.ndarray",
    "RandomState": "numpy.random.RandomState",
    "Pipeline": "sklearn.pipeline.Pipeline",
    "GridSearchCV": "sklearn.model_selection.GridSearchCV",
}
numpydoc_xref_ignore = "all"

# other projects; `inventories/make.py` says how these were made
intersphinx_mapping = {
    "sklearn": ("https://scikit-learn.org/stable/", "inventories/sklearn.inv"),
    "python": ("https://docs.python.org/3/", "inventories/python.inv"),
    "numpy": ("https://numpy.org/doc/stable/", "inventories/numpy.inv"),
}

# pages
html_theme = "pydata_sphinx_theme"
html_title = "sklearn_irg"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {
    "navbar_end": ["theme-switcher"],
    "navbar_persistent": ["search-button"],
    "header_links_before_dropdown": 8,
    "show_prev_next": False,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": ["theme-version"],
    "pygments_light_style": "default",
    "pygments_dark_style": "github-dark",
}
html_sidebars = {
    page: [] for page in ("index", "five_minutes", "theory", "results", "does_it_help")
}
html_context = {"default_mode": "auto"}
html_math_renderer = "mathml"
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

GALLERY = [
    "mixed_table", "training_against_a_threat", "tilted_boundary", "vat_rings", "vat_training",
    "certified_and_attacked",
    "mnist_under_attack", "tanay_griffin", "toy_colors", "decoy_digits", "deletion_mask", "iris_cancer", "annotations",
    "feature_costs", "l1_path", "calibration", "semi_supervised_digits", "clustering", "drift", "custom_penalty",
]  # fmt: skip


class ForReaders:
    """From a whole table over robustness, annotations and labels to an extension."""

    def __init__(self, folder):
        del folder

    def __call__(self, name):
        return GALLERY.index(name.removeprefix("plot_").removesuffix(".py"))


sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "gallery",
    "abort_on_example_error": True,
    "backreferences_dir": "gallery/backreferences",
    "doc_module": ("sklearn_irg",),
    "reference_url": {"sklearn_irg": None},
    "download_all_examples": False,
    "within_subsection_order": ForReaders,
    "min_reported_time": 5,
    "remove_config_comments": True,
    "show_signature": False,
    "write_computation_times": False,
}


def _inline(translator, node):
    translator.body.append(tex2mathml(node.astext()))
    raise SkipNode


def _display(translator, node):
    translator.body.append(f'<div class="math">{tex2mathml(node.astext(), as_block=True)}</div>')
    raise SkipNode


def setup(app):
    # browsers draw MathML themselves: no script, and none from a network
    app.add_html_math_renderer("mathml", (_inline, None), (_display, None))
