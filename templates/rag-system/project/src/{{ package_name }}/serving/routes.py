"""The API, version 1."""

import asyncio
from collections.abc import AsyncIterator, Generator, Iterator
from threading import Event

import orjson
from fastapi import APIRouter, Request
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse

from ..answer.chat import ModelError
from ..answer.graph import Ask, Assistant, Said
from ..feedback import Feedback, FeedbackBook
from ..guard.pii import redact
from ..logs import request_id
from ..records import Answer, Document
from ..settings import Settings
from ..steps import step, watched
from ..web.problems import FieldError, Problem, problem_responses
from .access import Access
from .engine import Engine
from .metrics import RagMetrics
from .schemas import (
    AnswerOut,
    AnswerRequest,
    DocumentOut,
    DocumentText,
    FeedbackOut,
    FeedbackRequest,
    HitOut,
    SearchOut,
    SearchRequest,
    SentenceOut,
)

Told = Generator[Said | AnswerOut, None, None]

_EVENTS = "text/event-stream"
_EVENT = {
    "type": "object",
    "properties": {
        "event": {"enum": ["sentence", "answer", "problem"]},
        "data": {"type": "string", "contentMediaType": "application/json"},
    },
    "required": ["event", "data"],
}
"""One event of a stream, as OpenAPI 3.2 describes it."""
_COMMON = (400, 401, 408, 413, 422, 429, 500, 503)
_STREAM_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


def api_routes(
    settings: Settings, engine: Engine, access: Access, metrics: RagMetrics, book: FeedbackBook
) -> APIRouter:
    """The routes under `/v1`."""
    router = APIRouter(tags=["documents"])

    @router.post(
        "/v1/answers",
        response_model=AnswerOut,
        responses={
            **problem_responses(*_COMMON, 502),
            200: {"content": {_EVENTS: {"itemSchema": _EVENT}}},
        },
    )
    async def answer(request: Request, body: AnswerRequest) -> Response:
        """Answer a question, with sources; as a stream of events if asked to.

        Events are `sentence` (each as soon as it has been checked), at the end `answer`, or
        `problem` if the language model fails on the way.
        """
        assistant = engine.ready()
        _check_length(body.question, settings.max_question_chars)
        scope = access.scope(request, body.where)
        ask = Ask(body.question, scope, tuple(turn.turn() for turn in body.history))
        told = _tell(assistant, ask, metrics)
        if body.stream:
            return StreamingResponse(_live(told), media_type=_EVENTS, headers=_STREAM_HEADERS)
        return Response(await run_in_threadpool(_whole, told), media_type="application/json")

    @router.post("/v1/search", responses=problem_responses(*_COMMON))
    def search(request: Request, body: SearchRequest) -> SearchOut:
        """Find the passages that a question is about."""
        assistant = engine.ready()
        _check_length(body.question, settings.max_question_chars)
        scope = access.scope(request, body.where)
        with watched(metrics.step):
            found = assistant.retriever.retrieve([body.question], scope, body.limit)
        return SearchOut(
            hits=list(map(HitOut.of, found.hits)), confidence=round(found.confidence, 4)
        )

    @router.get("/v1/documents", responses=problem_responses(401, 429, 500, 503))
    def documents(request: Request) -> list[DocumentOut]:
        """List the documents that you may see."""
        engine.ready()
        return [
            DocumentOut(**_about(each)) for each in engine.store.documents(access.scope(request))
        ]

    @router.get(
        "/v1/documents/{identity:path}",
        responses=problem_responses(401, 404, 422, 429, 500, 503),
    )
    def document(request: Request, identity: str) -> DocumentText:
        """Give a document with its text."""
        engine.ready()
        found = engine.store.document(identity, access.scope(request))
        if found is None:  # of one that is there, but not for this caller, the same is said
            raise Problem(404, "There is no such document among those that you may see.")
        return DocumentText(**_about(found), text=found.text)

    @router.post("/v1/feedback", responses=problem_responses(*_COMMON))
    def feedback(request: Request, body: FeedbackRequest) -> FeedbackOut:
        """Say what you think of an answer."""
        clean = redact if settings.redact_pii else str
        book.add(
            Feedback(
                body.answer_id,
                body.verdict,
                clean(body.question),
                clean(body.answer),
                tuple((each.document, each.quote) for each in body.sources),
                access.scope(request).labels,
                clean(body.comment),
            )
        )
        metrics.feedback.labels(body.verdict).inc()
        return FeedbackOut()

    return router


def _check_length(question: str, most: int) -> None:
    if len(question) > most:
        detail = f"longer than {most} characters"
        raise Problem(
            422,
            "The question is too long.",
            errors=[FieldError(pointer="/question", detail=detail)],
        )
    if not question.strip():
        detail = "there are only spaces in it"
        raise Problem(
            422, "There is no question.", errors=[FieldError(pointer="/question", detail=detail)]
        )


def _about(document: Document) -> dict[str, object]:
    return {
        "id": document.id,
        "title": document.title,
        "kind": document.kind,
        "labels": sorted(document.labels),
    }


def _tell(assistant: Assistant, ask: Ask, metrics: RagMetrics) -> Told:
    """What is said, counted; at the end the whole answer.

    Raises:
        Problem: 502 if the language model fails.
    """
    identity = request_id.get()

    def told() -> Told:
        with watched(metrics.step), step("question"):
            try:
                for event in assistant.ask(ask):
                    if isinstance(event, Answer):
                        metrics.answered(event)
                        yield AnswerOut.of(identity, event)
                    else:
                        yield event
            except ModelError as error:
                metrics.model_errors.inc()
                raise Problem(502, str(error)) from error

    return told()


def _whole(told: Told) -> bytes:
    *_, last = told
    assert isinstance(last, AnswerOut)  # noqa: S101 - that is what comes last
    return last.model_dump_json().encode()


async def _live(told: Told) -> AsyncIterator[bytes]:
    """Events as they come, from one thread: what is traced belongs to the thread's context."""
    loop, queue = asyncio.get_running_loop(), asyncio.Queue[bytes | None]()
    gone = Event()

    def work() -> None:
        try:
            for event in _events(told):
                loop.call_soon_threadsafe(queue.put_nowait, event)
                if gone.is_set():
                    break
        finally:
            told.close()
            loop.call_soon_threadsafe(queue.put_nowait, None)

    task = asyncio.create_task(asyncio.to_thread(work))
    try:
        while (event := await queue.get()) is not None:
            yield event
        await task
    finally:
        gone.set()


def _events(told: Told) -> Iterator[bytes]:
    """As server-sent events. It is too late for another status, so problems are events, too."""
    try:
        for event in told:
            if isinstance(event, AnswerOut):
                yield _event("answer", event)
            else:
                yield _event("sentence", SentenceOut.of(event))
    except Problem as problem:
        yield b"event: problem\ndata: " + bytes(problem.response().body) + b"\n\n"


def _event(name: str, data: BaseModel) -> bytes:
    return b"event: %s\ndata: %s\n\n" % (name.encode(), orjson.dumps(data.model_dump()))
