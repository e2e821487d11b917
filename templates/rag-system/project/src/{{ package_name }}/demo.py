"""`make demo`: index the documents, evaluate the search, ask the running service, stop it."""

import secrets
import sys
import time
import urllib.request
from pathlib import Path
from tempfile import TemporaryDirectory
from textwrap import indent
from typing import Any

import orjson

from .evaluate.__main__ import QUESTIONS
from .evaluate.questions import load
from .evaluate.report import as_text
from .evaluate.run import Wish, evaluate, index
from .parts import open_embedder
from .records import UserError
from .serving.launch import running
from .settings import Settings
from .web.auth import HEADER
from .web.launch import StartError

PUBLIC = "How do I clean the water filter?"
STAFF = "How much goodwill may I grant on my own?"
NOWHERE = "Which radio stations does it receive?"


def main() -> int:
    """Run the demo; gives the exit code."""
    try:
        with TemporaryDirectory(prefix="demo-") as folder:
            _demo(Path(folder))
    except (StartError, UserError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _demo(state: Path) -> None:
    own: dict[str, Any] = {
        "auth": "none",
        "state_dir": state,
        "store": "embedded",
        "answerer": "extractive",
    }
    settings = Settings(**own)
    print(f"1. Indexing {settings.documents_dir}/")
    embedder = open_embedder(settings)
    began = time.perf_counter()
    _, report = index(settings, embedder)
    seconds = time.perf_counter() - began
    print(f"   {report.put} documents, {report.chunks} chunks in {seconds:.1f} s")
    print("2. Searching and answering questions whose answer is known")
    questions = load(QUESTIONS)
    found = evaluate(settings, embedder, questions, questions.split("test"), Wish())
    print(indent(as_text(found), "   "))
    staff = secrets.token_urlsafe(24)
    everyone = secrets.token_urlsafe(24)
    environment = {
        "APP_API_KEYS": everyone,
        "APP_KEY_LABELS": orjson.dumps({staff: ["staff"]}).decode(),
        "APP_STORE": "embedded",
        "APP_ANSWERER": "extractive",
    }
    folder = state / f"eval-{settings.chunker}"  # the index is there already
    with running(settings.documents_dir, folder, environment) as server:
        print(f"3. Asking on {server.url}")
        _ask(server.url, everyone, PUBLIC)
        _ask(server.url, everyone, NOWHERE)
        _ask(server.url, everyone, STAFF)
        print("   The same with a key that may see the staff's documents:")
        _ask(server.url, staff, STAFF)
        process = server.process
    print(f"4. Stopped with exit code {process.returncode}; nothing is left running")
    print("\nNext: `make run` serves it for you. Open the page, ask, and open a source.")


def _ask(url: str, key: str, question: str) -> None:
    """Ask a question, and show the answer with its sources."""
    request = urllib.request.Request(  # noqa: S310 - the service that was just started
        f"{url}/v1/answers",
        data=orjson.dumps({"question": question}),
        headers={HEADER: key, "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=120) as response:  # noqa: S310 - as above
        answer: dict[str, Any] = orjson.loads(response.read())
    print(f"   {question}")
    print(f"     {answer['text']}")
    for each in answer["citations"]:
        print(
            f"     [{each['number']}] {each['document']}, characters {each['start']}-{each['end']}"
        )


if __name__ == "__main__":
    sys.exit(main())
