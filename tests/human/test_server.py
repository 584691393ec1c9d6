"""ElicitationServer: what it takes, what it refuses, and what is on the disk."""

import http.client
import json
import os
import signal
import socket
import threading
import time
import urllib.parse
import warnings
from importlib.metadata import entry_points

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from skmix.exceptions import DamagedFileWarning
from skmix.human import (
    ElicitationServer,
    HumanMixPolicy,
    load_judgments,
    make_mix_tasks,
)
from skmix.human._cli import main
from skmix.human._judgments import soft_label

GOOD = {
    "infer": {"share": 0.25, "confidence": 0.5, "rt_ms": 1234},
    "construct": {"step": 6, "rt_ms": 10},
    "select": {"step": 3, "rt_ms": 10},
    "soft": {"chosen": [[0, 0.6], [2, 0.3]], "impossible": [1], "rt_ms": 10},
}


class Client:
    """Asks a server, as the page does or otherwise."""

    def __init__(self, server):
        address = urllib.parse.urlsplit(server.url_)
        self.port = address.port
        self.token = urllib.parse.parse_qs(address.query)["token"][0]

    def raw(self, method, path, body=None, headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        connection.request(method, path, body, headers or {})
        response = connection.getresponse()
        content = response.read()
        connection.close()
        return response, content

    def post(self, path, content, **headers):
        given = {"X-Skmix-Token": self.token, "Content-Type": "application/json"}
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        response, content = self.raw("POST", path, body, {**given, **headers})
        return response.status, json.loads(content)

    def state(self, annotator="kat"):
        path = f"/state?annotator={urllib.parse.quote(annotator)}"
        response, content = self.raw("GET", path, None, {"X-Skmix-Token": self.token})
        return response.status, json.loads(content)

    def undo(self, annotator="kat", last=None):
        if last is None:
            last = self.state(annotator)[1]["last"]
        return self.post("/undo", {"annotator": annotator, "last": last})

    def answer(self, answer, annotator="kat", question=None):
        if question is None:
            question = self.state(annotator)[1]["question"]["key"]
        request = {"annotator": annotator, "question": question, "answer": answer}
        return self.post("/answer", request)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "judgments.jsonl"


@pytest.fixture
def serve(make_tasks, path):
    """Starts a server with questions of a kind."""
    running = []

    def start(kind="infer", **params):
        server = ElicitationServer(make_tasks(kind), path, **params).start()
        running.append(server)
        return server, Client(server)

    yield start
    for server in running:
        server.stop()


@pytest.mark.parametrize("kind", list(GOOD))
def test_answers_are_written_with_what_they_are_about(serve, make_tasks, path, kind):
    server, client = serve(kind)
    tasks = {task["item"]: task for task in make_tasks(kind).tasks}
    _, state = client.state()
    assert (state["n_done"], state["n_questions"]) == (0, 8)
    for number in range(8):
        shown = state["question"]
        assert ("left_is" in shown) == (kind != "soft")
        assert "lam" not in shown
        status, state = client.answer(GOOD[kind])
        assert (status, state["n_done"]) == (200, number + 1)
        # It is on the disk by now.
        last = json.loads(path.read_text().splitlines()[-1])
        task = tasks[last["item"]]
        for name in ("label_a", "label_b", "i", "j"):
            assert last[name] == task[name]
        assert last["annotator"] == "kat"
        assert last["left"] == shown.get("left_is", "")
        assert last["repeat"] == (number >= 6)
        assert last["rt_ms"] == GOOD[kind]["rt_ms"]
        if kind == "infer":
            assert (last["inferred"], last["confidence"]) == (0.25, 0.5)
            assert last["lam"] == task["lam"]
        elif kind == "soft":
            wanted = soft_label({0: 0.6, 2: 0.3}, [1], 3)
            assert last["soft"] == pytest.approx(wanted.tolist())
        else:
            assert last["lam"] == pytest.approx(0.1 * GOOD[kind]["step"])
            assert last["inferred"] == 0.5
        if kind == "construct":
            assert last["start"] == (0.1 if shown["start"] == 1 else 0.9)
    assert state["question"] is None
    assert server.wait(1)
    assert server.progress_ == {"kat": (8, 8)}
    answers = load_judgments(path)
    assert len(answers) == len(server.judgments_) == 8
    assert set(answers.item) == set(tasks)
    assert client.answer(GOOD[kind], question="0")[0] == 409


def test_sides_and_starts_are_random_and_stay(serve, make_tasks, path):
    _server, client = serve("construct")
    first = [client.state(f"person {k}")[1] for k in range(60)]
    again = [client.state(f"person {k}")[1] for k in range(60)]
    assert first == again
    sides = [state["question"]["left_is"] for state in first]
    assert 15 < sides.count("a") < 45
    starts = [state["question"]["start"] for state in first]
    assert 15 < starts.count(1) < 45
    assert 5 < sum(s == "a" and k == 1 for s, k in zip(sides, starts, strict=True)) < 30
    keys = [state["question"]["key"] for state in first]
    assert len(set(keys)) == 6
    for state in first:
        shown = state["question"]
        task = make_tasks("construct").tasks[int(shown["key"])]
        names = {1: "one", 3: "three", 8: "eight"}
        # Sorted by label, names are passed in that order.
        a, b = names[task["label_a"]], names[task["label_b"]]
        sides = (a, b) if shown["left_is"] == "a" else (b, a)
        assert (shown["left"], shown["right"]) == sides


def test_sides_of_one_person_are_random_too(make_tasks, path):
    tasks = make_tasks("construct", n_tasks=60, n_repeats=0)
    sides, starts = {}, {}
    with ElicitationServer(tasks, path) as server:
        shown = server._elicitation._shown
        for k in range(30):
            trials = [shown(tasks.tasks[q], f"p{k:02d}/{q}") for q in range(60)]
            sides[k] = [trial["left_is"] == "a" for trial in trials]
            starts[k] = [trial["start"] == 1 for trial in trials]
    for found in (np.array(list(sides.values())), np.array(list(starts.values()))):
        # Half of them, within four standard deviations, of each and of the first ten.
        assert (np.abs(found.mean(axis=1) - 0.5) < 4 * 0.5 / 60**0.5).all()
        assert (found[:, :10].sum(axis=1) % 10 != 0).mean() > 0.9
        between = np.corrcoef(found)[np.triu_indices(30, 1)]
        assert np.abs(between).max() < 0.6
        assert np.abs(between).mean() < 0.15
    mixed = np.corrcoef(np.ravel(list(sides.values())), np.ravel(list(starts.values())))
    assert abs(mixed[0, 1]) < 0.1


def test_undo_and_skip(serve, path):
    _server, client = serve()
    key = client.state()[1]["question"]["key"]
    assert client.undo()[0] == 409
    client.answer(GOOD["infer"])
    last = client.state()[1]["last"]
    status, state = client.undo()
    assert (status, state["question"]["key"]) == (200, key)
    assert len(load_judgments(path)) == 0
    request = {"annotator": "kat", "question": key, "reason": "cannot tell"}
    status, state = client.post("/skip", request)
    assert (status, state["n_done"]) == (200, 1)
    assert len(load_judgments(path)) == 0
    assert json.loads(path.read_text().splitlines()[-1])["skip"] == "cannot tell"
    client.answer(GOOD["infer"])
    assert len(load_judgments(path)) == 1
    # Back to the skipped one, and on.
    client.undo()
    _, state = client.undo()
    assert (state["n_done"], state["question"]["key"]) == (0, key)
    assert client.undo("tom")[0] == 409
    # Sent once more, as after a reply that was lost, it takes back nothing.
    client.answer(GOOD["infer"])
    client.answer(GOOD["infer"])
    again = client.state()[1]["last"]
    assert client.undo(last=again)[0] == 200
    assert client.undo(last=again)[0] == 409
    assert client.undo(last=last)[0] == 409
    assert client.state()[1]["n_done"] == 1


def test_a_restart_goes_on(make_tasks, path):
    tasks = make_tasks()
    with ElicitationServer(tasks, path) as server:
        client = Client(server)
        for _ in range(3):
            client.answer(GOOD["infer"])
        client.undo()
        client.answer(GOOD["infer"], annotator="tom")
        before = client.state()[1]
    # As if it had been killed while it wrote.
    with path.open("ab") as file:
        file.write(b'{"id": "x", "item": "infer-')
    with pytest.warns(DamagedFileWarning, match=r"1 of 6 lines"):
        server = ElicitationServer(tasks, path).start()
    client = Client(server)
    assert client.state()[1] == before
    assert server.progress_ == {"kat": (2, 8), "tom": (1, 8)}
    for _ in range(6):
        assert client.answer(GOOD["infer"])[0] == 200
    server.stop()
    with pytest.warns(DamagedFileWarning, match=r"1 of 12 lines"):
        answers = load_judgments(path)
    assert (answers.annotator == "kat").sum() == 8
    kat = answers.take(answers.annotator == "kat")
    assert kat.repeat.sum() == 2
    assert len(np.unique(kat.item)) == 6


def test_answers_of_other_questions_in_the_file_stay(serve, path):
    other = {"id": "1", "item": "elsewhere", "annotator": "kat", "label_a": 1}
    other |= {"label_b": 3, "lam": 0.5, "inferred": 0.5}
    path.write_text(json.dumps(other) + "\n")
    server, client = serve()
    assert client.state()[1]["n_done"] == 0
    client.answer(GOOD["infer"])
    assert load_judgments(path).item[0] == "elsewhere"
    assert len(load_judgments(path)) == 2
    assert len(server.judgments_) == 1


def test_a_thousand_answers_of_two_people_at_a_time(make_tasks, path):
    tasks = make_tasks(n_tasks=500, n_repeats=0)
    with ElicitationServer(tasks, path) as server:
        failures = []

        def work(name):
            client = Client(server)
            _, state = client.state(name)
            while state["question"]:
                key = state["question"]["key"]
                status, state = client.answer(GOOD["infer"], name, key)
                if status != 200:
                    failures.append(state)
                    return

        people = [threading.Thread(target=work, args=(n,)) for n in ("kat", "tom")]
        for person in people:
            person.start()
        for person in people:
            person.join()
        assert not failures
        assert server.wait(5)
    answers = load_judgments(path)
    assert len(answers) == 1000
    for name in ("kat", "tom"):
        items = answers.item[answers.annotator == name]
        assert len(np.unique(items)) == len(items) == 500


def test_one_answer_sent_twice_counts_once(serve, path):
    _, client = serve()
    key = client.state()[1]["question"]["key"]
    found = []

    def send():
        found.append(client.answer(GOOD["infer"], question=key)[0])

    threads = [threading.Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == [200] + [409] * 7
    assert len(load_judgments(path)) == 1


def test_a_server_that_is_killed_loses_nothing(make_tasks, command, tmp_path, path):
    make_tasks().save(tmp_path / "tasks.json")
    for turn in range(2):
        process, url = command(tmp_path / "tasks.json", "--out", path, "--no-browser")
        client = Client(type("Server", (), {"url_": url}))
        assert client.state()[1]["n_done"] == 3 * turn
        for _ in range(3):
            assert client.answer(GOOD["infer"])[0] == 200
        process.kill()
        process.wait()
    assert len(load_judgments(path)) == 6


REFUSED = [
    # What is changed of a good request, and the status.
    ({"headers": {"X-Skmix-Token": "wrong"}}, 403),
    ({"headers": {"X-Skmix-Token": ""}}, 403),
    ({"headers": {"X-Skmix-Token": "\xe9"}}, 403),
    ({"headers": {"Host": "evil.example"}}, 403),
    ({"headers": {"Host": "127.0.0.1:1"}}, 403),
    ({"headers": {"Content-Type": "text/plain"}}, 415),
    ({"headers": {"Content-Length": "1000000"}}, 413),
    ({"headers": {"Content-Length": "9" * 5000}}, 413),
    ({"headers": {"Content-Length": "-3"}}, 411),
    ({"path": "/other"}, 404),
    ({"path": "/answer/.."}, 404),
    ({"path": "/state"}, 405),
    ({"path": "/answer?" + "x" * 3000}, 414),
    ({"body": b""}, 400),
    ({"body": b"{"}, 400),
    ({"body": b"\xff\xfe"}, 400),
    ({"body": b"[]"}, 400),
    ({"body": b"[" * 10_000}, 400),
    ({"body": b'{"annotator": "kat"}'}, 400),
    ({"more": 1}, 400),
    ({"annotator": ""}, 400),
    ({"annotator": "  "}, 400),
    ({"annotator": "k" * 81}, 400),
    ({"annotator": "a\nb"}, 400),
    ({"annotator": "\ud800"}, 400),
    ({"annotator": 3}, 400),
    ({"annotator": None}, 400),
    ({"question": 0}, 400),
    ({"question": "77"}, 404),
    ({"question": None}, 400),
    ({"answer": None}, 400),
    ({"answer": {}}, 400),
    ({"answer": GOOD["infer"] | {"share": 1.01}}, 400),
    ({"answer": GOOD["infer"] | {"share": -0.01}}, 400),
    ({"answer": GOOD["infer"] | {"share": float("nan")}}, 400),
    ({"answer": GOOD["infer"] | {"share": float("inf")}}, 400),
    ({"answer": GOOD["infer"] | {"share": 10**400}}, 400),
    ({"answer": GOOD["infer"] | {"share": True}}, 400),
    ({"answer": GOOD["infer"] | {"share": "0.5"}}, 400),
    ({"answer": GOOD["infer"] | {"rt_ms": -1}}, 400),
    ({"answer": GOOD["infer"] | {"rt_ms": 1e12}}, 400),
    ({"answer": GOOD["infer"] | {"lam": 0.5}}, 400),
    ({"answer": GOOD["select"]}, 400),
]


@pytest.mark.parametrize(("changed", "status"), REFUSED)
def test_what_is_refused_changes_nothing(serve, path, changed, status):
    _, client = serve()
    key = client.state()[1]["question"]["key"]
    request = {"annotator": "kat", "question": key, "answer": GOOD["infer"]}
    how = {k: changed[k] for k in ("headers", "path", "body") if k in changed}
    request |= {k: v for k, v in changed.items() if k not in how}
    body = how.get("body", json.dumps(request).encode())
    found, content = client.post(
        how.get("path", "/answer"), body, **how.get("headers", {})
    )
    assert found == status
    # Says what is wrong, in words.
    assert len(content["error"]) > 10
    assert path.read_bytes() == b""
    assert client.state()[1]["n_done"] == 0
    assert client.answer(GOOD["infer"])[0] == 200


def test_a_disk_that_is_full_takes_no_half_answer(make_tasks, path):
    resource = pytest.importorskip("resource")
    with ElicitationServer(make_tasks(), path) as server:
        client = Client(server)
        assert client.answer(GOOD["infer"])[0] == 200
        whole = path.read_bytes()
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(whole) + 40, limits[1]))
        try:
            status, content = client.answer(GOOD["infer"])
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        assert status == 507
        assert "could not be stored" in content["error"]
        assert path.read_bytes() == whole
        assert client.state()[1]["n_done"] == 1
        assert client.answer(GOOD["infer"])[0] == 200
    assert len(load_judgments(path)) == 2


def test_answers_about_other_data_do_not_count(digits, make_tasks, path):
    X, y = digits
    with ElicitationServer(make_tasks(), path) as server:
        Client(server).answer(GOOD["infer"])
    settings = {"n_tasks": 6, "image_shape": (1, 8, 8), "random_state": 0}
    other = make_mix_tasks(5 * X + rng_like(X), y, **settings)
    with ElicitationServer(other, path) as server:
        assert Client(server).state()[1]["n_done"] == 0


def rng_like(X):
    return np.random.RandomState(0).normal(size=X.shape)


def test_who_only_looks_is_not_waited_for(serve):
    server, client = serve()
    assert not server.wait(0.01)
    for _ in range(8):
        client.answer(GOOD["infer"])
    assert client.answer(GOOD["infer"], "ghost", "77")[0] == 404
    assert client.state("passer-by")[0] == 200
    assert server.progress_ == {"kat": (8, 8)}
    assert server.wait(1)
    client.answer(GOOD["infer"], "tom")
    assert not server.wait(0.01)
    client.undo("kat")
    assert server.progress_ == {"kat": (7, 8), "tom": (1, 8)}


def test_a_file_in_which_all_is_done_needs_no_waiting(make_tasks, path):
    with ElicitationServer(make_tasks(), path) as server:
        client = Client(server)
        for _ in range(8):
            client.answer(GOOD["infer"])
    with ElicitationServer(make_tasks(), path) as server:
        assert server.wait(0.01)


def test_one_server_to_a_file(serve, make_tasks, path):
    server, _ = serve()
    with pytest.raises(ValueError, match=r"Another server writes to"):
        ElicitationServer(make_tasks(), path).start()
    with pytest.raises(ValueError, match=r"The server runs already"):
        server.start()
    server.stop()
    server.stop()
    with ElicitationServer(make_tasks(), path) as other:
        assert other.progress_ == {}
    assert len(other.judgments_) == 0


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"port": 99999}, r"port must be from 0 to 65535, got 99999"),
        ({"annotator": ""}, r"annotator must be a text of 1 to 80 .* Got ''"),
        ({"annotator": 3}, r"Got 3"),
    ],
)
def test_bad_parameters_are_named(make_tasks, path, params, message):
    server = ElicitationServer(make_tasks(), path, **params)
    with pytest.raises(ValueError, match=message):
        server.start()
    with pytest.raises(ValueError, match=r"has not been started"):
        server.wait()
    server.stop()


def test_a_server_for_one_person_asks_nobody_else(serve):
    _, client = serve(annotator="kat")
    assert client.state("kat")[0] == 200
    assert client.state("tom")[0] == 403
    assert client.answer(GOOD["infer"], "tom", "0")[0] == 403


def test_lines_of_others_in_the_file_do_not_stop_it(serve, path):
    lines = [{"annotator": "a\tb", "item": "x"}, {"undo": "none"}, {"annotator": 3}]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    server, client = serve()
    assert server.progress_ == {}
    assert client.answer(GOOD["infer"])[0] == 200


def test_names_are_the_same_however_they_are_typed(serve):
    server, client = serve()
    client.answer(GOOD["infer"], "Zo\u00eb")
    assert client.state(" Zoe\u0308 ")[1]["n_done"] == 1
    assert list(server.progress_) == ["Zo\u00eb"]


def test_uncertain_pairs_are_asked_in_order(make_tasks, path):
    rows = [("1", "3", part) for part in np.linspace(0, 1, 50)]
    policy = HumanMixPolicy("pair").fit(rows, np.linspace(0, 1, 50))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tasks = make_tasks(n_tasks=6, policy=policy)
    with ElicitationServer(tasks, path) as server:
        client = Client(server)
        keys = []
        for _ in range(6):
            keys.append(client.state()[1]["question"]["key"])
            client.answer(GOOD["infer"])
        # What comes twice is not what was asked just now.
        assert client.state()[1]["question"]["key"] != "5r"
    assert keys == list("012345")


@pytest.mark.parametrize(
    ("kind", "answer"),
    [
        ("construct", {"step": 11, "rt_ms": 1}),
        ("construct", {"step": -1, "rt_ms": 1}),
        ("select", {"step": 2.0, "rt_ms": 1}),
        ("select", {"step": True, "rt_ms": 1}),
        ("soft", {"chosen": [], "impossible": [], "rt_ms": 1}),
        ("soft", {"chosen": [[0, 0.5], [0, 0.5]], "impossible": [], "rt_ms": 1}),
        ("soft", {"chosen": [[0, 0.7], [1, 0.5]], "impossible": [], "rt_ms": 1}),
        ("soft", {"chosen": [[3, 0.7]], "impossible": [], "rt_ms": 1}),
        ("soft", {"chosen": [[0]], "impossible": [], "rt_ms": 1}),
        ("soft", {"chosen": [[[], 1]], "impossible": [], "rt_ms": 1}),
        ("soft", {"chosen": [[0, 0.7]], "impossible": [0], "rt_ms": 1}),
        ("soft", {"chosen": [[0, 0.7]], "impossible": [1, 1], "rt_ms": 1}),
        ("soft", {"chosen": [[0, 0]], "impossible": [1, 2], "rt_ms": 1}),
        ("soft", {"chosen": [[0, 0.7]], "impossible": "1", "rt_ms": 1}),
    ],
)
def test_answers_of_other_kinds_are_checked(serve, path, kind, answer):
    _, client = serve(kind)
    status, content = client.answer(answer)
    assert status == 400
    assert content["error"]
    assert path.read_bytes() == b""


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["kat", "0", "1", "0r"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                [
                    "annotator",
                    "question",
                    "answer",
                    "reason",
                    "share",
                    "confidence",
                    "rt_ms",
                    "step",
                    "chosen",
                    "impossible",
                ]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)


@pytest.fixture(scope="module")
def shared(make_tasks, tmp_path_factory):
    path = tmp_path_factory.mktemp("fuzz") / "judgments.jsonl"
    with ElicitationServer(make_tasks("soft"), path) as server:
        yield server, path


@settings(
    max_examples=120,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.sampled_from(["/answer", "/skip", "/undo", "/state", "/"]), json_values)
def test_any_content_is_answered_and_what_is_refused_writes_nothing(shared, at, value):
    server, path = shared
    before = path.read_bytes()
    status, content = Client(server).post(at, value)
    assert status == 200 or 400 <= status < 500
    if status != 200:
        assert content["error"]
        assert path.read_bytes() == before
    else:
        load_judgments(path)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_are_survived(shared, data):
    server, path = shared
    before = path.read_bytes()
    with socket.create_connection(("127.0.0.1", Client(server).port)) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        connection.settimeout(20)
        while connection.recv(4096):
            pass
    assert path.read_bytes() == before
    assert Client(server).state()[0] == 200


def test_who_sends_no_content_is_let_go(serve, monkeypatch):
    from skmix.human import _server

    monkeypatch.setattr(_server._Handler, "timeout", 0.2)
    _, client = serve()
    head = (
        f"POST /undo HTTP/1.1\r\nHost: 127.0.0.1:{client.port}\r\n"
        f"X-Skmix-Token: {client.token}\r\nContent-Type: application/json\r\n"
        "Content-Length: 20\r\n\r\n{"
    )
    with socket.create_connection(("127.0.0.1", client.port)) as connection:
        connection.sendall(head.encode())
        connection.settimeout(20)
        assert connection.recv(4096).startswith(b"HTTP/1.1 408")


def test_a_body_that_nobody_reads_is_no_request(serve, path):
    _, client = serve()
    inner = json.dumps({"annotator": "kat", "question": "0", "answer": {}})
    text = (
        f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{client.port}\r\n"
        f"Content-Length: {len(inner)}\r\n\r\n{inner}"
    )
    with socket.create_connection(("127.0.0.1", client.port)) as connection:
        connection.sendall(text.encode())
        connection.settimeout(20)
        found = b""
        while part := connection.recv(65536):
            found += part
    assert found.count(b"HTTP/1.1 ") == 1


def test_two_names_of_the_host_and_bad_addresses_are_refused(serve):
    _, client = serve()
    text = f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{client.port}\r\nHost: evil\r\n\r\n"
    bad = f"GET http://[ HTTP/1.1\r\nHost: 127.0.0.1:{client.port}\r\n\r\n"
    for request, status in ((text, b"403"), (bad, b"400")):
        with socket.create_connection(("127.0.0.1", client.port)) as connection:
            connection.sendall(request.encode())
            assert connection.recv(65536).startswith(b"HTTP/1.1 " + status)


def test_it_listens_to_this_computer_alone(serve):
    server, client = serve()
    assert server._http.server_address[0] == "127.0.0.1"
    assert server.url_.startswith("http://127.0.0.1:")
    # Each session has a token of its own, which is long.
    assert len(client.token) >= 32


def test_the_page_asks_no_other_place(serve):
    _, client = serve("infer", consent='</script><script>alert("x")</script>')
    response, content = client.raw("GET", "/")
    text = content.decode()
    assert response.status == 200
    policy = response.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert "http://" not in text
    assert "https://" not in text
    # What was passed cannot end the script that it stands in.
    assert text.count("</script>") == 1
    assert client.token not in text


def test_a_port_that_is_taken_is_an_error(serve, make_tasks, tmp_path):
    _, client = serve()
    path = tmp_path / "other.jsonl"
    with pytest.raises(OSError, match="in use"):
        ElicitationServer(make_tasks(), path, port=client.port).start()


def test_command_line(make_tasks, tmp_path, path, capsys, monkeypatch):
    make_tasks().save(tmp_path / "tasks.json")
    (tmp_path / "consent.txt").write_text("Agreed?")
    opened = []
    monkeypatch.setattr("webbrowser.open", opened.append)

    def answer():
        while not opened:
            time.sleep(0.01)
        client = Client(type("Server", (), {"url_": opened[0]}))
        assert "Agreed?" in client.raw("GET", "/")[1].decode()
        while client.answer(GOOD["infer"])[1]["question"]:
            pass

    person = threading.Thread(target=answer)
    person.start()
    arguments = [str(tmp_path / "tasks.json"), "--out", str(path)]
    arguments += ["--consent", str(tmp_path / "consent.txt")]
    assert main(arguments) == 0
    person.join()
    said = capsys.readouterr().out
    assert said.startswith(opened[0])
    assert "kat: 8 of 8" in said
    assert len(load_judgments(path)) == 8
    with pytest.raises(SystemExit):
        main([str(tmp_path / "none.json")])
    assert "none.json" in capsys.readouterr().err


def test_the_command_is_installed():
    (found,) = entry_points(group="console_scripts", name="skmix-elicit")
    assert found.load() is main


def test_ctrl_c_ends_the_command(make_tasks, command, tmp_path, path):
    make_tasks().save(tmp_path / "tasks.json")
    process, url = command(
        tmp_path / "tasks.json",
        "--out",
        path,
        "--no-browser",
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    Client(type("Server", (), {"url_": url})).answer(GOOD["infer"])
    os.kill(process.pid, signal.SIGINT)
    said, _ = process.communicate(timeout=20)
    assert process.returncode == 1
    assert "kat: 1 of 8" in said
