"""Dependencies that only some features need."""

from typing import Any


def import_pyplot() -> Any:
    """Import matplotlib, or say how to get it."""
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError(
            "Drawing needs matplotlib: pip install 'skmix[plot]'."
        ) from error
    return plt


def import_bayes_opt() -> Any:
    """Import Bayesian optimisation, or say how to get it."""
    try:
        import bayes_opt
    except ImportError as error:
        raise ImportError(
            "search='bayes' needs bayesian-optimization: pip install 'skmix[bayes]'. "
            "search='grid' does without."
        ) from error
    return bayes_opt


def import_transformers() -> Any:
    """Import the library of language models, or say how to get it."""
    try:
        import transformers
    except ImportError as error:
        raise ImportError(
            "A language model by name needs transformers: pip install 'skmix[text]'. "
            "model=None does without."
        ) from error
    return transformers


def import_anywidget() -> Any:
    """Import widgets of notebooks, or say how to get them."""
    try:
        import anywidget
    except ImportError as error:
        raise ImportError(
            "A page in a notebook needs anywidget: pip install 'skmix[notebook]'. "
            "ElicitationServer does without."
        ) from error
    return anywidget
