"""An OpenAI-compatible server that behaves, or misbehaves, as a test wants."""

import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

_INSTRUCTION = re.compile(
    r"(?:say|write|output|reply with|print|respond with)[^A-Z\n]{0,40}(PWNED\w*)"
)


@dataclass
class Script:
    """The server's behaviour.

    Attributes:
        reply: The model's reply.
        first: Replies to give before that, in order.
        obedient: Whether to follow instructions in the prompt, as a gullible model would.
        statuses: HTTP statuses of the first responses, before it works.
        delay: Seconds before each response.
        prompts: The prompts received.
        formats: The response format of each request, if it asked for one.
    """

    reply: str = "NO ANSWER"
    first: list[str] = field(default_factory=list)
    obedient: bool = False
    statuses: list[int] = field(default_factory=list)
    delay: float = 0.0
    prompts: list[str] = field(default_factory=list)
    formats: list[Any] = field(default_factory=list)

    def reply_to(self, prompt: str) -> str:
        order = _INSTRUCTION.search(prompt) if self.obedient else None
        reply = self.first.pop(0) if self.first else self.reply
        return f"{order[1]}. {reply}" if order else reply


@contextmanager
def serving(script: Script) -> Iterator[str]:
    """Run the server within the block, and yield its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            time.sleep(script.delay)
            if script.statuses:
                self._send(
                    script.statuses.pop(0), "application/json", b'{"error": {"message": "no"}}'
                )
            elif self.path.endswith("/embeddings"):
                rows = [[float(len(text)), 1.0, 0.0] for text in request["input"]]
                self._json({"data": [{"index": i, "embedding": r} for i, r in enumerate(rows)]})
            else:
                prompt = "\n".join(each["content"] for each in request["messages"])
                script.prompts.append(prompt)
                script.formats.append(request.get("response_format"))
                self._stream(script.reply_to(prompt))

        def _stream(self, reply: str) -> None:
            events: list[dict[str, Any]] = [
                {"choices": [{"index": 0, "delta": {"role": "assistant", "content": piece}}]}
                for piece in re.findall(r"\s*\S{1,5}", reply)
            ]
            events.append({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
            usage = {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110}
            events.append({"choices": [], "usage": usage})
            common = {"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "toy"}
            lines = [f"data: {json.dumps({**common, **each})}\n\n" for each in events]
            self._send(200, "text/event-stream", "".join([*lines, "data: [DONE]\n\n"]).encode())

        def _json(self, body: dict[str, Any]) -> None:
            whole = {
                "object": "list",
                "model": "toy",
                "usage": {"prompt_tokens": 1, "total_tokens": 1},
            }
            self._send(200, "application/json", json.dumps({**whole, **body}).encode())

        def _send(self, status: int, kind: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            with suppress(BrokenPipeError):  # the client has given up
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1"
    finally:
        server.shutdown()
        server.server_close()
