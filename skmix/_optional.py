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
