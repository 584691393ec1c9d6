"""``skmix-elicit``: the page that asks people, from the command line."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from ._server import ElicitationServer
from ._tasks import MixTasks


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve questions until all are answered, or until Ctrl-C.

    Parameters
    ----------
    arguments : sequence of str, default=None
        Of the command line; None for those that the program was called with.

    Returns
    -------
    status : int
        0 where all is answered, 1 where it was stopped before.
    """
    parser = argparse.ArgumentParser(
        prog="skmix-elicit",
        description="Ask people how they see mixes, on a local page.",
    )
    parser.add_argument("tasks", type=Path, help="questions, written by MixTasks.save")
    parser.add_argument(
        "--out", type=Path, default=Path("judgments.jsonl"), help="file of answers"
    )
    parser.add_argument(
        "--annotator", help="who answers; asked on the page if left out"
    )
    parser.add_argument("--consent", type=Path, help="file of a text to agree with")
    parser.add_argument("--port", type=int, default=0, help="0 for any that is free")
    parser.add_argument(
        "--no-browser", action="store_true", help="print the address and open nothing"
    )
    options = parser.parse_args(arguments)
    try:
        tasks = MixTasks.load(options.tasks)
        consent = None
        if options.consent is not None:
            consent = options.consent.read_text(encoding="utf-8")
        server = ElicitationServer(
            tasks,
            options.out,
            annotator=options.annotator,
            consent=consent,
            port=options.port,
            open_browser=not options.no_browser,
        ).start()
    except (OSError, ValueError) as error:
        parser.error(str(error))
    out = sys.stdout
    out.write(f"{server.url_}\nAnswers go to {options.out}. Ctrl-C ends it.\n")
    out.flush()
    done = False
    try:
        done = server.wait()
    except KeyboardInterrupt:
        pass
    finally:
        server.stop()
    for name, (n_done, n_questions) in sorted(server.progress_.items()):
        out.write(f"{name}: {n_done} of {n_questions}\n")
    return 0 if done else 1


if __name__ == "__main__":
    sys.exit(main())
