"""The page that asks people, in a cell of a notebook."""

from __future__ import annotations

from importlib.resources import files
from os import PathLike
from typing import Any

from .._optional import import_anywidget
from ._elicitation import Elicitation, Refused
from ._tasks import MixTasks

METHODS = ("state", "answer", "skip", "undo")


def elicitation_widget(
    tasks: MixTasks,
    path: str | PathLike[str],
    *,
    annotator: str | None = None,
    consent: str | None = None,
) -> Any:
    """Ask people about mixes in a notebook, by the page of :class:`ElicitationServer`.

    Parameters
    ----------
    tasks : MixTasks
        The questions, of :func:`make_mix_tasks`.

    path : str or path
        The file of JSON Lines that answers are appended to, where the kernel runs.

    annotator : str, default=None
        Who answers; None asks on the page.

    consent : str, default=None
        A text to agree with before the first question.

    Returns
    -------
    widget : anywidget.AnyWidget
        Shows itself at the end of a cell. Its `judgments` and `progress` are functions
        that tell the answers so far, and how many there are of each person.

    Raises
    ------
    ImportError
        If anywidget is not installed: ``pip install "skmix[notebook]"``.

    See Also
    --------
    ElicitationServer : The same in a window of its own.

    Examples
    --------
    >>> from skmix.human import elicitation_widget
    >>> elicitation_widget(tasks, "judgments.jsonl")  # doctest: +SKIP
    """
    anywidget = import_anywidget()
    import traitlets  # comes with anywidget

    folder = files("skmix.human") / "page"
    text = {
        name: (folder / name).read_text(encoding="utf-8")
        for name in ("elicit.js", "widget.js", "page.css")
    }
    elicitation = Elicitation(tasks, path)

    class ElicitationWidget(anywidget.AnyWidget):
        _esm = text["elicit.js"] + text["widget.js"]
        _css = text["page.css"].replace("body { margin: 0; }", "")
        settings = traitlets.Dict().tag(sync=True)

        def close(self) -> None:
            elicitation.close()
            super().close()

    widget = ElicitationWidget(
        settings={"kind": tasks.kind, "annotator": annotator, "consent": consent}
    )
    widget.on_msg(lambda widget, content, buffers: widget.send(reply(content)))

    def reply(content: Any) -> dict[str, Any]:
        method = content.get("method")
        try:
            if method not in METHODS:
                raise Refused(404, "There is no such request.")
            state = getattr(elicitation, method)(*content.get("values", []))
        except (Refused, TypeError) as error:
            return {"id": content.get("id"), "error": str(error)}
        return {"id": content.get("id"), "state": state}

    widget.judgments = lambda: elicitation.judgments
    widget.progress = elicitation.progress
    return widget
