"""Who is asked what next, and what becomes of an answer: a page is one face of it."""

from __future__ import annotations

import hashlib
import json
import os
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from os import PathLike
from pathlib import Path
from threading import Event, Lock
from typing import Any
from uuid import uuid4

from numpy.random import RandomState

from ._judgments import Judgments, answers_of, from_records, read_lines, soft_label
from ._tasks import MixTasks

MAX_NAME = 80
MAX_REASON = 200
MAX_MILLISECONDS = 24 * 3600 * 1000


class Refused(Exception):
    """A request that changes nothing, with the status of HTTP that says why."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass
class Person:
    """One who is asked: the order of questions, and what is done of it.

    A question is a place among the tasks, and whether it is asked once more.
    """

    order: list[tuple[int, bool]]
    # Identifiers of what was written, by question.
    done: dict[tuple[int, bool], str] = field(default_factory=dict)

    @property
    def last(self) -> str | None:
        """Identifier of what was written last."""
        return list(self.done.values())[-1] if self.done else None

    @property
    def current(self) -> tuple[int, bool] | None:
        """The first question that is not done."""
        return next((q for q in self.order if q not in self.done), None)


class Elicitation:
    """Asks people, and appends each answer to a file as soon as it is there.

    Parameters
    ----------
    tasks : MixTasks
        The questions.

    path : str or path
        The file of JSON Lines. What it holds already counts as answered.

    Notes
    -----
    Several threads may use one, and no other process may write to the file. A line is
    written at once and flushed to the disk before the answer is acknowledged; a line
    that an earlier crash cut off stays, and new ones begin behind it.

    Attributes
    ----------
    finished : Event
        Set while all who have answered anything have answered everything.
    """

    def __init__(self, tasks: MixTasks, path: str | PathLike[str]) -> None:
        self.tasks = tasks
        self.path = Path(path)
        self.lock = Lock()
        self.finished = Event()
        self.people: dict[str, Person] = {}
        self.records: list[dict[str, Any]] = []
        self.places = {t["item"]: k for k, t in enumerate(tasks.tasks)}
        self.file = self.path.open("ab", buffering=0)
        try:
            _lock(self.file, self.path)
            for record in read_lines(self.path):
                self._remember(record)
            if self.path.read_bytes()[-1:] not in (b"", b"\n"):
                self._write(b"\n")
        except BaseException:
            self.file.close()
            raise

    def close(self) -> None:
        """Close the file."""
        self.file.close()

    @property
    def judgments(self) -> Judgments:
        """The answers to these questions so far, those in the file included."""
        with self.lock:
            answers = answers_of(self.records)
        own = [answer for answer in answers if answer["item"] in self.places]
        return from_records(own, self.tasks.classes)

    def progress(self) -> dict[str, tuple[int, int]]:
        """How many questions each person has done, and of how many."""
        with self.lock:
            return {
                name: (len(person.done), len(person.order))
                for name, person in self.people.items()
            }

    def state(self, annotator: Any) -> dict[str, Any]:
        """What a page needs to ask a person the next question."""
        with self.lock:
            return self._state(*self._person(annotator))

    def answer(self, annotator: Any, question: Any, answer: Any) -> dict[str, Any]:
        """Take an answer to the current question; return the state after it."""
        with self.lock:
            name, person = self._person(annotator)
            self._check_current(person, question)
            place, repeat = person.current or (0, False)
            task = self.tasks.tasks[place]
            content = self._content(task, answer)
            record = self._header(name, place, repeat) | content
            return self._state(name, self._append(name, record))

    def skip(self, annotator: Any, question: Any, reason: Any) -> dict[str, Any]:
        """Leave a question out, and say why; return the state after it."""
        with self.lock:
            name, person = self._person(annotator)
            self._check_current(person, question)
            place, repeat = person.current or (0, False)
            text = check_text(reason, "reason", MAX_REASON)
            record = self._header(name, place, repeat) | {"skip": text}
            return self._state(name, self._append(name, record))

    def undo(self, annotator: Any, last: Any) -> dict[str, Any]:
        """Take the last answer of a person back; return the state after it."""
        with self.lock:
            name, person = self._person(annotator)
            if person.last is None:
                raise Refused(409, "There is nothing to take back.")
            # Sent twice, it must not take back two.
            if last != person.last:
                raise Refused(409, "This is not the last answer.")
            record = {"undo": last, "annotator": name, "time": _now()}
            return self._state(name, self._append(name, record))

    def _person(self, annotator: Any) -> tuple[str, Person]:
        name = check_text(annotator, "annotator", MAX_NAME)
        # Who only looks is not remembered.
        return name, self.people.get(name) or Person(self._order(name))

    def _order(self, name: str) -> list[tuple[int, bool]]:
        """Questions of a person, of the name alone: the same after a restart."""
        rng = RandomState(int.from_bytes(_digest(name)[:4], "big"))
        order = list(range(len(self.tasks)))
        if not self.tasks.in_order:
            order = rng.permutation(order).tolist()
        # Not the last one, which would come twice in a row.
        earlier = order[:-1] or order
        n_again = min(self.tasks.n_repeats, len(earlier))
        again = rng.choice(earlier, n_again, replace=False).tolist()
        return [(k, False) for k in order] + [(k, True) for k in again]

    def _state(self, name: str, person: Person) -> dict[str, Any]:
        state = {
            "annotator": name,
            "kind": self.tasks.kind,
            "class_names": self.tasks.class_names,
            "n_done": len(person.done),
            "n_questions": len(person.order),
            "last": person.last,
            "practice": self._shown(self.tasks.practice, ""),
            "question": None,
        }
        if person.current is not None:
            key = _key(*person.current)
            task = self.tasks.tasks[person.current[0]]
            state["question"] = {"key": key, **self._shown(task, f"{name}/{key}")}
        return state

    def _shown(self, task: Mapping[str, Any], trial: str) -> dict[str, Any]:
        """Of a task what a page may know: not the part, and for some no classes."""
        shown: dict[str, Any] = {"frames": task["frames"]}
        if self.tasks.kind != "soft":
            sides = self._sides(trial)
            shown["left_is"] = sides[0]
            for place, side in zip(("left", "right"), sides, strict=True):
                code = self.tasks.classes.index(task[f"label_{side}"])
                shown[place] = self.tasks.class_names[code]
        if self.tasks.kind == "construct":
            shown["start"] = self._start(task, trial)
        return shown

    @staticmethod
    def _sides(trial: str) -> str:
        """Which class is on the left: at random, and the same after a reload."""
        return "ab" if _digest(trial)[0] & 1 else "ba"

    @staticmethod
    def _start(task: Mapping[str, Any], trial: str) -> int:
        """Step to begin at: one from either end, at random."""
        return 1 if _digest(trial)[1] & 1 else len(task["steps"]) - 2

    def _check_current(self, person: Person, question: Any) -> None:
        if not isinstance(question, str):
            raise Refused(400, "question must be a text.")
        current = person.current
        if current is None or question != _key(*current):
            known = {_key(*q) for q in person.order}
            if question not in known:
                raise Refused(404, "There is no such question.")
            raise Refused(409, "This is not the question that is asked now.")

    def _header(self, name: str, place: int, repeat: bool) -> dict[str, Any]:
        task = self.tasks.tasks[place]
        shown = self._shown(task, f"{name}/{_key(place, repeat)}")
        known = ("item", "label_a", "label_b", "i", "j", "lam")
        header = {
            "id": uuid4().hex,
            "kind": self.tasks.kind,
            **{key: task[key] for key in known},
            "annotator": name,
            "left": shown.get("left_is", ""),
            "repeat": repeat,
            "time": _now(),
        }
        if "start" in shown:
            header["start"] = task["steps"][shown["start"]]
        return header

    def _content(self, task: Mapping[str, Any], answer: Any) -> dict[str, Any]:
        """Check an answer, and turn it into what is written."""
        if not isinstance(answer, dict):
            raise Refused(400, "answer must be an object.")
        kind = self.tasks.kind
        allowed = {
            "infer": {"share", "confidence", "rt_ms"},
            "construct": {"step", "rt_ms"},
            "select": {"step", "rt_ms"},
            "soft": {"chosen", "impossible", "rt_ms"},
        }[kind]
        if set(answer) != allowed:
            raise Refused(400, f"answer must have {sorted(allowed)} and nothing else.")
        content = {"rt_ms": _number(answer["rt_ms"], "rt_ms", MAX_MILLISECONDS)}
        if kind == "infer":
            return content | {
                "inferred": _number(answer["share"], "share", 1),
                "confidence": _number(answer["confidence"], "confidence", 1),
            }
        if kind == "soft":
            return content | self._soft(task, answer)
        step = answer["step"]
        if not _is_place(step, len(task["steps"])):
            raise Refused(400, f"step must be from 0 to {len(task['steps']) - 1}.")
        return content | {"lam": task["steps"][step], "inferred": 0.5}

    def _soft(
        self, task: Mapping[str, Any], answer: Mapping[str, Any]
    ) -> dict[str, Any]:
        n_classes = len(self.tasks.classes)
        chosen, impossible = answer["chosen"], answer["impossible"]
        if not isinstance(chosen, list) or not 1 <= len(chosen) <= 2:
            raise Refused(400, "chosen must hold one or two classes.")
        found: dict[int, float] = {}
        for pair in chosen:
            if not isinstance(pair, list) or len(pair) != 2:
                raise Refused(400, "chosen must hold pairs of a class and a share.")
            if not _is_place(pair[0], n_classes) or pair[0] in found:
                raise Refused(
                    400, f"chosen must hold different classes of {n_classes}."
                )
            found[pair[0]] = _number(pair[1], "chosen", 1)
        if sum(found.values()) > 1 + 1e-9:
            raise Refused(400, "The shares of chosen must not add up to more than 1.")
        if not isinstance(impossible, list) or not all(
            _is_place(k, n_classes) and k not in found for k in impossible
        ):
            raise Refused(400, "impossible must hold classes that were not chosen.")
        if len(set(impossible)) != len(impossible):
            raise Refused(400, "impossible must hold each class once.")
        if not sum(found.values()) and len(found) + len(impossible) == n_classes:
            raise Refused(400, "Some class must be possible.")
        label = soft_label(found, impossible, n_classes)
        codes = [self.tasks.classes.index(task[f"label_{side}"]) for side in "ab"]
        a, b = label[codes]
        return {
            "soft": label.tolist(),
            "classes": self.tasks.classes,
            "inferred": float(a / (a + b)) if a + b > 0 else None,
        }

    def _append(self, name: str, record: dict[str, Any]) -> Person:
        """Write a line to the disk, and only then remember it."""
        if self.file.closed:
            raise Refused(503, "The server has stopped.")
        self._write(json.dumps(record, ensure_ascii=False).encode() + b"\n")
        self._remember(record)
        return self.people[name]

    def _write(self, line: bytes) -> None:
        """Write all of a line, or nothing."""
        number = self.file.fileno()
        size = os.fstat(number).st_size
        try:
            while line:
                line = line[self.file.write(line) :]
            os.fsync(number)
        except OSError as error:
            os.ftruncate(number, size)
            raise Refused(507, f"The answer could not be stored: {error}.") from error

    def _remember(self, record: dict[str, Any]) -> None:
        """Take note of a line; of one of other questions, that it is there."""
        self.records.append(record)
        try:
            name = check_text(record.get("annotator"), "annotator", MAX_NAME)
        except Refused:
            return
        person = self.people.get(name) or Person(self._order(name))
        if isinstance(record.get("undo"), str):
            person.done = {q: w for q, w in person.done.items() if w != record["undo"]}
        elif isinstance(record.get("id"), str) and record.get("item") in self.places:
            question = self.places[record["item"]], bool(record.get("repeat"))
            person.done[question] = record["id"]
        else:
            return
        self.people[name] = person
        if all(one.current is None for one in self.people.values()):
            self.finished.set()
        else:
            self.finished.clear()


def _key(place: int, repeat: bool) -> str:
    return f"{place}{'r' if repeat else ''}"


def _digest(text: str) -> bytes:
    """Bytes that tell nothing of those of a similar text."""
    return hashlib.sha256(text.encode()).digest()


def _lock(file: Any, path: Path) -> None:
    """Keep other servers from writing to the file, where the system can."""
    try:
        import fcntl
    except ImportError:
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise ValueError(
            f"Another server writes to {path}: stop it, or choose another file."
        ) from error


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def check_text(value: Any, name: str, most: int) -> str:
    """Check a short text on one line."""
    if not isinstance(value, str) or not 0 < len(value.strip()) <= most:
        raise Refused(400, f"{name} must be a text of 1 to {most} characters.")
    text = unicodedata.normalize("NFC", value.strip())
    if not text.isprintable():
        raise Refused(400, f"{name} must hold letters and signs alone.")
    return text


def _number(value: Any, name: str, most: float) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not 0 <= value <= most:
        raise Refused(400, f"{name} must be a number from 0 to {most}.")
    return float(value)


def _is_place(value: Any, n: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < n
