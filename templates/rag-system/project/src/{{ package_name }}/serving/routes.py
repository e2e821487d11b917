"""The routes of the API, version 1."""

import asyncio
from collections.abc import AsyncIterator, Generator, Iterator
from threading import Event

import orjson
from fastapi import APIRouter, Request
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse

from ..answer.chat import ModelError
from ..answer.graph import AskRequest, Assistant, StreamedSentence
from ..feedback import Feedback, FeedbackStore
from ..guard.pii import redact
from ..logs import request_id
from ..records import Answer, Document
from ..settings import Settings
from ..tracing import observe_steps, step
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

AnswerStream = Generator[StreamedSentence | AnswerOut, None, None]

_EVENTS = "text/event-stream"
_EVENT = {
    "type": "object",
    "properties": {
        "event": {"enum": ["sentence", "answer", "problem"]},
        "data": {"type": "string", "contentMediaType": "application/json"},
    },
    "required": ["event", "data"],
}
"""One event of the stream, as OpenAPI 3.2 describes it."""
_COMMON = (400, 401, 408, 413, 422, 429, 500, 503)
_STREAM_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


def api_routes(
    settings: Settings,
    engine: Engine,
    access: Access,
    metrics: RagMetrics,
    feedback_store: FeedbackStore,
) -> APIRouter:
    """Create the routes under `/v1`."""
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
        """Answer a question with sources, optionally as a stream of events.

        The events are `sentence`, each as soon as it is verified, and finally `answer`, or
        `problem` if the language model fails on the way.
        """
        assistant = engine.ready()
        _check_length(body.question, settings.max_question_chars)
        scope = access.scope(request, body.where)
        history = tuple(turn.turn() for turn in body.history)
        answers = _answer_stream(assistant, AskRequest(body.question, scope, history), metrics)
        if body.stream:
            return StreamingResponse(
                _stream_events(answers), media_type=_EVENTS, headers=_STREAM_HEADERS
            )
        content = await run_in_threadpool(_final_answer, answers)
        return Response(content, media_type="application/json")

    @router.post("/v1/search", responses=problem_responses(*_COMMON))
    def search(request: Request, body: SearchRequest) -> SearchOut:
        """Find the passages most relevant to a question."""
        assistant = engine.ready()
        _check_length(body.question, settings.max_question_chars)
        scope = access.scope(request, body.where)
        with observe_steps(metrics.step):
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
        "/v1/documents/{document_id:path}",
        responses=problem_responses(401, 404, 422, 429, 500, 503),
    )
    def document(request: Request, document_id: str) -> DocumentText:
        """Return a document with its text."""
        engine.ready()
        found = engine.store.document(document_id, access.scope(request))
        if found is None:  # hidden and missing documents get the same response
            raise Problem(404, "There is no such document, or you may not see it.")
        return DocumentText(**_about(found), text=found.text)

    @router.post("/v1/feedback", responses=problem_responses(*_COMMON))
    def feedback(request: Request, body: FeedbackRequest) -> FeedbackOut:
        """Rate an answer."""
        clean = redact if settings.redact_pii else str
        feedback_store.add(
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


def _check_length(question: str, limit: int) -> None:
    if len(question) > limit:
        detail = f"longer than {limit} characters"
        raise Problem(
            422,
            "The question is too long.",
            errors=[FieldError(pointer="/question", detail=detail)],
        )
    if not question.strip():
        errors = [FieldError(pointer="/question", detail="only white space")]
        raise Problem(422, "The question is empty.", errors=errors)


def _about(document: Document) -> dict[str, object]:
    return {
        "id": document.id,
        "title": document.title,
        "kind": document.kind,
        "labels": sorted(document.labels),
    }


def _answer_stream(assistant: Assistant, ask: AskRequest, metrics: RagMetrics) -> AnswerStream:
    """Answer a question and record metrics: the sentences, then the whole answer.

    Raises:
        Problem: 502 if the language model fails.
    """
    answer_id = request_id.get()  # now: the generator may run in another context

    def stream() -> AnswerStream:
        with observe_steps(metrics.step), step("question"):
            try:
                for event in assistant.stream(ask):
                    if isinstance(event, Answer):
                        metrics.answered(event)
                        yield AnswerOut.of(answer_id, event)
                    else:
                        yield event
            except ModelError as error:
                metrics.model_errors.inc()
                raise Problem(502, str(error)) from error

    return stream()


def _final_answer(answers: AnswerStream) -> bytes:
    *_, last = answers
    assert isinstance(last, AnswerOut)  # noqa: S101 - a stream ends with the answer
    return last.model_dump_json().encode()


async def _stream_events(answers: AnswerStream) -> AsyncIterator[bytes]:
    """Yield events as they come. One thread runs the whole stream, as tracing needs one context."""
    loop, queue = asyncio.get_running_loop(), asyncio.Queue[bytes | None]()
    disconnected = Event()

    def produce() -> None:
        try:
            for event in _events(answers):
                loop.call_soon_threadsafe(queue.put_nowait, event)
                if disconnected.is_set():
                    break
        finally:
            answers.close()
            loop.call_soon_threadsafe(queue.put_nowait, None)

    task = asyncio.create_task(asyncio.to_thread(produce))
    try:
        while (event := await queue.get()) is not None:
            yield event
        await task
    finally:
        disconnected.set()


def _events(answers: AnswerStream) -> Iterator[bytes]:
    """Format server-sent events. The status is sent already, so problems become events, too."""
    try:
        for event in answers:
            if isinstance(event, AnswerOut):
                yield _event("answer", event)
            else:
                yield _event("sentence", SentenceOut.of(event))
    except Problem as problem:
        yield b"event: problem\ndata: " + bytes(problem.response().body) + b"\n\n"


def _event(name: str, data: BaseModel) -> bytes:
    return b"event: %s\ndata: %s\n\n" % (name.encode(), orjson.dumps(data.model_dump()))
