"""`make demo`: index the documents, evaluate, query the running service, and stop it."""

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
from .evaluate.run import EvaluationOptions, build_index, evaluate
from .factories import open_embedder
from .records import UserError
from .serving.launch import running
from .settings import Settings
from .web.auth import HEADER
from .web.launch import StartError

PUBLIC = "How do I clean the water filter?"
STAFF = "How much goodwill may I grant on my own?"
UNANSWERABLE = "Which radio stations does it receive?"


def main() -> int:
    """Run the demo and return its exit code."""
    try:
        with TemporaryDirectory(prefix="demo-") as folder:
            _demo(Path(folder))
    except (StartError, UserError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _demo(state: Path) -> None:
    overrides: dict[str, Any] = {
        "auth": "none",
        "state_dir": state,
        "store": "embedded",
        "answerer": "extractive",
    }
    settings = Settings(**overrides)
    print(f"1. Indexing {settings.documents_dir}/")
    embedder = open_embedder(settings)
    started = time.perf_counter()
    _, ingested = build_index(settings, embedder)
    seconds = time.perf_counter() - started
    print(f"   {ingested.indexed} documents, {ingested.chunks} chunks in {seconds:.1f} s")
    print("2. Running search and answers on questions with known answers")
    questions = load(QUESTIONS)
    selected = questions.split("test")
    evaluation = evaluate(settings, embedder, questions, selected, EvaluationOptions())
    print(indent(as_text(evaluation), "   "))
    staff_key = secrets.token_urlsafe(24)
    public_key = secrets.token_urlsafe(24)
    environment = {
        "APP_API_KEYS": public_key,
        "APP_KEY_LABELS": orjson.dumps({staff_key: ["staff"]}).decode(),
        "APP_STORE": "embedded",
        "APP_ANSWERER": "extractive",
    }
    folder = state / f"eval-{settings.chunker}"  # the evaluation has built the index here
    with running(settings.documents_dir, folder, environment) as server:
        print(f"3. Querying {server.url}")
        _ask(server.url, public_key, PUBLIC)
        _ask(server.url, public_key, UNANSWERABLE)
        _ask(server.url, public_key, STAFF)
        print("   The same question with a key that may read staff documents:")
        _ask(server.url, staff_key, STAFF)
        process = server.process
    print(f"4. Stopped with exit code {process.returncode}; nothing is left running")
    print("\nNext: `make run` starts it for you. Open the page, ask a question, open a source.")


def _ask(url: str, key: str, question: str) -> None:
    """Ask a question and print the answer with its sources."""
    request = urllib.request.Request(  # noqa: S310 - our own service, just started
        f"{url}/v1/answers",
        data=orjson.dumps({"question": question}),
        headers={HEADER: key, "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=120) as response:  # noqa: S310 - as above
        answer: dict[str, Any] = orjson.loads(response.read())
    print(f"   {question}")
    print(f"     {answer['text']}")
    for citation in answer["citations"]:
        span = f"{citation['start']}-{citation['end']}"
        print(f"     [{citation['number']}] {citation['document']}, characters {span}")


if __name__ == "__main__":
    sys.exit(main())
