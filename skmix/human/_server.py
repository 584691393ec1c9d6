"""A local page that asks people, with nothing but the standard library behind it."""

from __future__ import annotations

import hmac
import json
import secrets
import webbrowser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from os import PathLike
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

from ._elicitation import MAX_NAME, Elicitation, Refused, check_text
from ._judgments import Judgments
from ._tasks import MixTasks

MAX_BODY = 16_384
MAX_URL = 2_048
SECONDS_TO_READ = 10
TOKEN_HEADER = "X-Skmix-Token"
POLICY = (
    "default-src 'none'; img-src data:; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'self'; style-src 'nonce-{nonce}'; "
    "script-src 'nonce-{nonce}'"
)


class ElicitationServer:
    """Ask people about mixes on a page of this computer.

    Parameters
    ----------
    tasks : MixTasks
        The questions, of :func:`make_mix_tasks`.

    path : str or path
        The file of JSON Lines that answers are appended to, which
        :func:`load_judgments` reads. Questions that it holds an answer to are not asked
        again.

    annotator : str, default=None
        Who answers; None lets people say on the page.

    consent : str, default=None
        A text to agree with before the first question.

    port : int, default=0
        Where the server listens; 0 for any that is free.

    open_browser : bool, default=False
        Whether to open the page in a browser.

    Attributes
    ----------
    url_ : str
        The address of the page, once the server runs. It holds a token, without which
        nothing is asked, and nothing is taken.

    judgments_ : Judgments
        The answers to these questions so far.

    progress_ : dict of (int, int)
        Of each person, how many questions are done, and of how many.

    See Also
    --------
    make_mix_tasks : The questions.
    load_judgments : The answers.

    Notes
    -----
    The server is bound to this computer alone. Each session has a token; requests
    without it, with another name of the host, malformed ones, too large ones, answers
    out of range, and answers to another question than the one that is asked now are
    refused, and change nothing. The page is one document without requests to any other
    place. Several people may answer at a time, in windows of their own.

    A line is on the disk before an answer is acknowledged. A server that was killed
    goes on where it was.

    To ask people elsewhere, forward the port by SSH. Do not put the server on a network
    as it is: it knows no passwords, and does not encrypt.

    Examples
    --------
    >>> import tempfile
    >>> from sklearn.datasets import load_digits
    >>> from skmix.human import ElicitationServer, make_mix_tasks
    >>> X, y = load_digits(return_X_y=True)
    >>> tasks = make_mix_tasks(X, y, image_shape=(1, 8, 8), random_state=0)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with ElicitationServer(tasks, f"{folder}/judgments.jsonl") as server:
    ...         # Here people answer: server.wait()
    ...         address, answers = server.url_, server.judgments_
    >>> address.startswith("http://127.0.0.1:"), len(answers)
    (True, 0)
    """

    def __init__(
        self,
        tasks: MixTasks,
        path: str | PathLike[str],
        *,
        annotator: str | None = None,
        consent: str | None = None,
        port: int = 0,
        open_browser: bool = False,
    ) -> None:
        self.tasks = tasks
        self.path = path
        self.annotator = annotator
        self.consent = consent
        self.port = port
        self.open_browser = open_browser
        self._http: _Server | None = None
        self._elicitation: Elicitation | None = None

    def __enter__(self) -> ElicitationServer:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> ElicitationServer:
        """Begin to listen, in a thread of its own.

        Returns
        -------
        self : ElicitationServer
            The server.

        Raises
        ------
        ValueError
            If parameters or lines of the file cannot be used, if it runs already, or if
            another server writes to the file.

        OSError
            If the port or the file cannot be had.
        """
        if self._http is not None:
            raise ValueError(f"The server runs already, at {self.url_}.")
        if not 0 <= self.port <= 65535:
            raise ValueError(f"port must be from 0 to 65535, got {self.port}.")
        if self.annotator is not None:
            try:
                check_text(self.annotator, "annotator", MAX_NAME)
            except Refused as refused:
                raise ValueError(f"{refused} Got {self.annotator!r}.") from None
        self._elicitation = Elicitation(self.tasks, self.path)
        token = secrets.token_urlsafe(24)
        settings = {
            "kind": self.tasks.kind,
            "annotator": self.annotator,
            "consent": self.consent,
        }
        try:
            self._http = _Server(self.port, self._elicitation, token, settings)
        except OSError:
            self._elicitation.close()
            raise
        self._thread = Thread(target=self._http.serve_forever, daemon=True)
        self._thread.start()
        self.url_ = f"http://127.0.0.1:{self._http.server_port}/?token={token}"
        if self.open_browser:
            webbrowser.open(self.url_)
        return self

    def stop(self) -> None:
        """Stop listening, and close the file."""
        if self._http is None:
            return
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()
        self._http = None
        self._running.close()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until everybody who has answered anything has answered everything.

        Parameters
        ----------
        timeout : float, default=None
            Seconds to wait at most; None for as long as it takes. Ctrl-C ends it, too.

        Returns
        -------
        done : bool
            Whether all is answered.
        """
        return self._running.finished.wait(timeout)

    @property
    def judgments_(self) -> Judgments:
        """The answers so far."""
        return self._running.judgments

    @property
    def progress_(self) -> dict[str, tuple[int, int]]:
        """Of each person, how many questions are done, and of how many."""
        return self._running.progress()

    @property
    def _running(self) -> Elicitation:
        if self._elicitation is None:
            raise ValueError("The server has not been started: call start().")
        return self._elicitation


def page(settings: dict[str, Any], nonce: str) -> str:
    """The page, with all that it needs in it."""
    folder = files("skmix.human") / "page"
    parts = {
        name: (folder / name).read_text(encoding="utf-8")
        for name in ("page.html", "page.css", "elicit.js", "page.js")
    }
    # Inside of a script nothing must look like its end.
    given = json.dumps(settings).replace("<", "\\u003c")
    return (
        parts["page.html"]
        .replace("/* page.css */", parts["page.css"])
        .replace("/* elicit.js */", parts["elicit.js"].replace("export ", ""))
        .replace("/* page.js */", parts["page.js"])
        .replace("{settings}", given)
        .replace("{nonce}", nonce)
    )


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    # Another process of this computer must not take over the port.
    allow_reuse_address = False

    def __init__(
        self,
        port: int,
        elicitation: Elicitation,
        token: str,
        settings: dict[str, Any],
    ) -> None:
        self.elicitation = elicitation
        self.token = token
        self.settings = settings
        super().__init__(("127.0.0.1", port), _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of people who go away; nobody prints."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    server_version = "skmix"
    sys_version = ""
    protocol_version = "HTTP/1.1"
    timeout = SECONDS_TO_READ

    def do_GET(self) -> None:
        """The page, or what is asked next."""
        # A body that nobody reads would be taken for the next request.
        if "Content-Length" in self.headers or "Transfer-Encoding" in self.headers:
            self.close_connection = True
        self._respond({"/": self._page, "/state": self._state})

    def do_POST(self) -> None:
        """An answer, a skipped question, or one that is taken back."""
        elicitation = self.server.elicitation
        self._respond(
            {
                "/answer": lambda: self._change(
                    elicitation.answer, "annotator", "question", "answer"
                ),
                "/skip": lambda: self._change(
                    elicitation.skip, "annotator", "question", "reason"
                ),
                "/undo": lambda: self._change(elicitation.undo, "annotator", "last"),
            }
        )

    def log_message(self, *_: object) -> None:
        """Say nothing: nobody prints."""

    def _respond(self, routes: dict[str, Any]) -> None:
        try:
            self._check_host()
            if len(self.path) > MAX_URL:
                raise Refused(414, "The address is too long.")
            try:
                address = urlsplit(self.path)
            except ValueError as error:
                raise Refused(400, "The address is none.") from error
            if address.path not in routes:
                known = {"/", "/state", "/answer", "/skip", "/undo"}
                status = 405 if address.path in known else 404
                raise Refused(status, "There is no such page, or not by this method.")
            self.query = parse_qs(address.query)
            routes[address.path]()
        except Refused as refused:
            # What is left of the request is not read.
            self.close_connection = True
            self._send(refused.status, {"error": str(refused)})

    def _page(self) -> None:
        nonce = secrets.token_urlsafe(16)
        text = page(self.server.settings, nonce).encode()
        self._send_bytes(
            200, "text/html; charset=utf-8", text, POLICY.format(nonce=nonce)
        )

    def _state(self) -> None:
        self._check_token()
        name = self.query.get("annotator", [None])[0]
        self._check_annotator(name)
        self._send(200, self.server.elicitation.state(name))

    def _change(self, change: Any, *names: str) -> None:
        self._check_token()
        content = self._body()
        if set(content) != set(names):
            raise Refused(400, f"The request must have {sorted(names)}, nothing else.")
        self._check_annotator(content["annotator"])
        self._send(200, change(*(content[name] for name in names)))

    def _check_annotator(self, name: Any) -> None:
        """Refuse other people, where the server asks a certain one."""
        if self.server.settings["annotator"] not in (None, name):
            raise Refused(403, "This server asks somebody else.")

    def _check_host(self) -> None:
        """Refuse names of other hosts, which a foreign page could lead here."""
        port = self.server.server_port
        given = self.headers.get_all("Host") or []
        if given not in ([f"127.0.0.1:{port}"], [f"localhost:{port}"]):
            raise Refused(403, "This server answers to its own address alone.")

    def _check_token(self) -> None:
        given = self.headers.get(TOKEN_HEADER, "")
        if not hmac.compare_digest(given.encode(), self.server.token.encode()):
            raise Refused(403, "The token of this session is missing, or another's.")

    def _body(self) -> dict[str, Any]:
        kind = self.headers.get("Content-Type", "").split(";")[0].strip()
        if kind != "application/json":
            raise Refused(415, "The content must be JSON.")
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdigit()):
            raise Refused(411, "The length of the content is missing.")
        if len(length) > len(str(MAX_BODY)) or int(length) > MAX_BODY:
            raise Refused(413, f"The content has more than {MAX_BODY} bytes.")
        try:
            body = self.rfile.read(int(length))
        except TimeoutError as error:
            raise Refused(408, "The content did not come in time.") from error
        try:
            content = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise Refused(400, "The content is no JSON.") from error
        if not isinstance(content, dict):
            raise Refused(400, "The content must be an object.")
        return content

    def _send(self, status: int, content: dict[str, Any]) -> None:
        self._send_bytes(status, "application/json", json.dumps(content).encode(), "")

    def _send_bytes(self, status: int, kind: str, content: bytes, policy: str) -> None:
        self.send_response(status)
        headers = {
            "Content-Type": kind,
            "Content-Length": str(len(content)),
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
            "Content-Security-Policy": policy or "default-src 'none'",
        }
        for name, value in headers.items():
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(content)
