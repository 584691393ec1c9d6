"""The page in a notebook."""

import json

import pytest

from skmix.human import elicitation_widget, load_judgments
from tests.human.test_page import by_keyboard

pytest.importorskip("anywidget")

FRAME = """
<!doctype html><html lang="en"><title>cell</title><style>{css}</style>
<div id="cell"></div>
<script type="module">
  {esm}
  // What a notebook gives a widget: a model with traits and messages.
  const handlers = [];
  window.reply = (message) => handlers.forEach((handler) => handler(message));
  const model = {{
    get: (name) => ({{ settings: {settings} }})[name],
    on: (name, handler) => name === "msg:custom" && handlers.push(handler),
    send: (content) => window.toKernel(content),
  }};
  widget.render({{ model, el: document.getElementById("cell") }});
</script>
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "judgments.jsonl"


@pytest.fixture
def widget(make_tasks, path):
    made = elicitation_widget(
        make_tasks(n_tasks=3, n_repeats=1), path, annotator="kat", consent="Agreed?"
    )
    sent = []
    made.send = sent.append

    def ask(content):
        made._handle_custom_msg(content, [])
        return sent.pop()

    made.ask = ask
    yield made
    made.close()


def test_messages_are_answered(widget, path):
    found = widget.ask({"id": "1", "method": "state", "values": ["kat"]})
    assert found["id"] == "1"
    key = found["state"]["question"]["key"]
    answer = {"share": 0.3, "confidence": 0.9, "rt_ms": 5}
    request = {"id": "2", "method": "answer", "values": ["kat", key, answer]}
    assert widget.ask(request)["state"]["n_done"] == 1
    assert len(widget.judgments()) == len(load_judgments(path)) == 1
    assert widget.progress() == {"kat": (1, 4)}
    assert "not the question" in widget.ask(request)["error"]
    found = widget.ask({"id": "5", "method": "state", "values": ["kat"]})
    last = found["state"]["last"]
    undone = widget.ask({"id": "3", "method": "undo", "values": ["kat", last]})
    assert undone["state"]["n_done"] == 0
    skip = {"id": "4", "method": "skip", "values": ["kat", key, "unclear"]}
    assert widget.ask(skip)["state"]["n_done"] == 1


@pytest.mark.parametrize(
    "content",
    [
        {"id": "1", "method": "close", "values": []},
        {"id": "1", "method": "__init__", "values": []},
        {"id": "1"},
        {"id": "1", "method": "answer", "values": ["kat"]},
        {"id": "1", "method": "state", "values": 3},
        {"id": "1", "method": "state", "values": [3]},
    ],
)
def test_other_messages_are_refused(widget, path, content):
    found = widget.ask(content)
    assert found["id"] == "1"
    assert found["error"]
    assert path.read_bytes() == b""


def test_a_cell_in_a_browser(widget, browser, path):
    page = browser.new_page()
    complaints = []
    page.on("pageerror", lambda error: complaints.append(str(error)))

    def to_kernel(content):
        # Answers come as messages of their own, as from a kernel.
        message = json.dumps(widget.ask(content))
        page.evaluate(f"setTimeout(() => window.reply({message}), 0)")

    page.expose_function("toKernel", lambda content: waiting.append(content))
    waiting = []
    text = FRAME.format(
        css=widget._css,
        esm=str(widget._esm).replace("export default", "const widget ="),
        settings=json.dumps(widget.settings),
    )
    page.set_content(text)

    def turn(visible):
        """Serve what was asked until something can be seen."""
        for _ in range(100):
            while waiting:
                to_kernel(waiting.pop(0))
            if visible.is_visible():
                return
            page.wait_for_timeout(20)
        raise AssertionError("nothing came of it")

    page.get_by_label("I have read this").check()
    page.get_by_role("button", name="Begin").click()
    turn(page.get_by_text("Practice: this is not recorded"))
    by_keyboard(page, "infer")
    for number in range(1, 5):
        turn(page.get_by_text(f"Question {number} of 4"))
        by_keyboard(page, "infer")
    turn(page.get_by_role("heading", name="That is all"))
    assert complaints == []
    assert len(load_judgments(path)) == 4
    page.close()
