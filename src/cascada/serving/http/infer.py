"""Where all the load comes to: `POST …/infer`, answered before FastAPI sees it, whose layers cost more than everything else for one shower."""

import re

from starlette.types import ASGIApp, Receive, Scope, Send

from cascada.serving.http import protocol
from cascada.serving.http.guard import ENDPOINT, as_messages, read_body
from cascada.serving.http.shared import Server

INFER = ("/v2/models/{name}/infer", "/v2/models/{name}/versions/{version}/infer")
JSON_LENGTH = protocol.JSON_LENGTH.encode()
ADDRESS = re.compile(r"/v2/models/([^/]+)(?:/versions/([^/]+))?/infer")


class Infer:
    """ASGI: the route of the Open Inference Protocol; everything else goes on to `app`. What it refuses is answered by the guard around it."""

    def __init__(self, app: ASGIApp, server: Server):
        self._app, self._server = app, server

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = ADDRESS.fullmatch(scope["path"]) if scope["type"] == "http" and scope["method"] == "POST" else None
        if not found:
            await self._app(scope, as_messages(scope, receive), send)
            return
        scope[ENDPOINT] = INFER[found[2] is not None]
        content, headers = await self._answer(scope, receive, *found.groups())
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": content})

    async def _answer(
        self, scope: Scope, receive: Receive, name: str, version: str | None
    ) -> tuple[bytes, list[tuple[bytes, bytes]]]:
        """Body and headers."""
        server = self._server
        server.check(name, version)
        pieces = await read_body(scope, receive, server.settings.limits)
        length = dict(scope["headers"]).get(JSON_LENGTH)
        channels = server.engine.current.model.channels
        asked = protocol.read_request(
            pieces, None if length is None else length.decode("latin-1"), channels, server.settings.limits.showers
        )
        protocol.check_values(asked.images)
        probabilities, answered = await server.probabilities(scope, asked.images)
        content, said = protocol.answer(asked, probabilities, name, answered.number)
        more = [(key.encode(), value.encode()) for key, value in said.items()]
        return content, [(b"content-length", b"%d" % len(content)), *more]
