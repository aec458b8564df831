"""A JSON-RPC endpoint that passes requests on to a devnet, and lies or fails where a test tells it to."""

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from scripts._devnet import Devnet, DevnetError

Answer = Callable[[list[Any], Callable[[], Any]], Any]
"""Makes an answer of a request's parameters; calling the second argument gives the devnet's own."""


class JsonRpcFault(Exception):
    """Answered as a JSON-RPC error."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class HttpFault(Exception):
    """Answered with an HTTP status and a body that is no JSON."""

    def __init__(self, status: int) -> None:
        super().__init__(str(status))
        self.status = status


class Relay:
    """Set `answers[method]` to change what a method is answered with; `asked` has all requests."""

    def __init__(self, devnet: Devnet) -> None:
        self.answers: dict[str, Answer] = {}
        self.asked: list[str] = []
        relay = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True  # headers and body are two writes

            def do_POST(self) -> None:
                request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                try:
                    status, body = 200, json.dumps(relay._answer(devnet, request)).encode()
                except HttpFault as fault:
                    status, body = fault.status, b"not json"
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _answer(self, devnet: Devnet, request: dict[str, Any]) -> dict[str, Any]:
        method, params = request["method"], request.get("params", [])
        self.asked.append(method)
        envelope = {"jsonrpc": "2.0", "id": request["id"]}

        def genuine() -> Any:
            return devnet.request(method, *params)

        try:
            answer = self.answers[method](params, genuine) if method in self.answers else genuine()
        except JsonRpcFault as fault:
            return envelope | {"error": {"code": fault.code, "message": str(fault)}}
        except DevnetError as fault:
            return envelope | {"error": fault.answer}
        return envelope | {"result": answer}
