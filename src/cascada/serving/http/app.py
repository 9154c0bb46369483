"""The routes: the Open Inference Protocol under `/v2`, `/predict` for people, and what watches and describes the server."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

from fastapi import APIRouter, FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp

from cascada import __version__
from cascada.core.notices import SURROGATE
from cascada.data import sources
from cascada.serving.engine import Version
from cascada.serving.http import describing, explaining, pages, protocol, uploads
from cascada.serving.http.errors import Refused, bad
from cascada.serving.http.guard import Guard, failure, read_body, refusal
from cascada.serving.http.infer import INFER, Infer
from cascada.serving.http.shared import Server


def create_app(server: Server) -> ASGIApp:
    """The application, in its guard; its life starts and ends the batcher, which then answers what it has taken."""

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        server.batcher.start()
        yield
        await server.batcher.close()
        server.engine.close()

    app = FastAPI(
        title="Cascada", version=__version__, summary=describing.SUMMARY, lifespan=life, docs_url=None, redoc_url=None
    )
    _add_errors(app, server)
    _add_health(app, server)
    _add_protocol(app, server)
    _add_people(app, server)
    _add_pages(app, server)
    return Guard(Infer(app, server), server.settings, server.metrics, lambda: server.connections())


def _add_errors(app: FastAPI, server: Server) -> None:
    """One form for all errors, that of the protocol: {"error": sentence}."""

    @app.exception_handler(Refused)
    async def refused(request: Request, error: Refused) -> Response:
        return refusal(error, server.metrics)

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> Response:
        return JSONResponse({"error": str(error.detail)}, error.status_code, error.headers)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        return JSONResponse({"error": f"{'.'.join(map(str, first['loc']))[:80]}: {first['msg']}"}, 422)

    @app.exception_handler(Exception)
    async def failed(request: Request, error: Exception) -> Response:
        return failure()


def _add_health(app: FastAPI, server: Server) -> None:
    routes = APIRouter(tags=["Open Inference Protocol"])

    @routes.get("/v2")
    def about() -> dict:
        """Name and version of the server, and the extensions that it knows."""
        return {"name": "cascada", "version": __version__, "extensions": list(protocol.EXTENSIONS)}

    @routes.get("/v2/health/live")
    def live() -> dict:
        """Whether the server runs."""
        return {"live": True}

    @routes.get("/v2/health/ready", responses={503: describing.ERROR})
    def ready() -> Response:
        """Whether the server takes requests, and with which version; 503 once it is about to end. `warning`: a newer one was refused."""
        warnings = ["another version was found and refused; the log says why"] if server.engine.trouble else []
        current = server.engine.current
        warnings += current.window.report()["sentences"]
        warning = {"warning": "; ".join(warnings)} if warnings else {}
        return JSONResponse({"ready": server.ready, "version": current.number} | warning, 200 if server.ready else 503)

    app.include_router(routes)


def _add_protocol(app: FastAPI, server: Server) -> None:
    routes = APIRouter(tags=["Open Inference Protocol"])

    @routes.get("/v2/models/{name}", responses={404: describing.ERROR})
    @routes.get("/v2/models/{name}/versions/{version}", responses={404: describing.ERROR})
    def model(name: str, version: str | None = None) -> dict:
        """Inputs and outputs of the model."""
        server.check(name, version)
        current = server.engine.current
        return protocol.metadata(name, [current.number], current.model.channels, current.model.classes)

    @routes.get("/v2/models/{name}/ready", responses={404: describing.ERROR, 503: describing.ERROR})
    @routes.get("/v2/models/{name}/versions/{version}/ready", responses={404: describing.ERROR, 503: describing.ERROR})
    def model_ready(name: str, version: str | None = None) -> Response:
        """Whether the model takes requests."""
        server.check(name, version)
        return JSONResponse({"name": name, "ready": server.ready}, 200 if server.ready else 503)

    @routes.post(INFER[0], openapi_extra=describing.INFER, responses=describing.INFERRED)
    @routes.post(INFER[1], openapi_extra=describing.INFER, responses=describing.INFERRED)
    def infer(name: str, version: str | None = None) -> Response:
        """Probabilities of images; tensors as JSON, or as bytes behind it (binary tensor extension)."""
        raise AssertionError("described here, answered by `Infer`")

    app.include_router(routes)


def _add_people(app: FastAPI, server: Server) -> None:
    routes = APIRouter(tags=["For people"])

    @routes.post("/predict", openapi_extra=describing.PREDICT, responses=describing.PREDICTED)
    async def predict(
        request: Request,
        source: Annotated[str, Query(description="kind of a raw file; detected if omitted", max_length=40)] = "",
    ) -> dict:
        """Probabilities for JSON, NPZ, a file of showers or a raw CORSIKA file, with warnings where the model was not trained for them."""
        upload = await _upload(server, request, source)
        probabilities, version = await server.probabilities(request.scope, upload.images)
        return _answer(server, version, upload, probabilities)

    @routes.post("/explain", openapi_extra=describing.PREDICT, responses=describing.PREDICTED)
    async def explain(
        request: Request,
        source: Annotated[str, Query(description="kind of a raw file; detected if omitted", max_length=40)] = "",
        shower: Annotated[int, Query(description="which one is explained, counted from 0", ge=0)] = 0,
    ) -> dict:
        """As /predict, and of one shower the image, what the network looked at, and where it stands among those of the test."""
        upload = await _upload(server, request, source)
        if shower >= len(upload.images):
            raise bad(f"shower: {shower} given, there are {len(upload.images)}, counted from 0.")
        return await _explained(server, request, upload, shower)

    @routes.get("/examples")
    def examples() -> list:
        """Showers that came with the model, to try it with: validation showers, which it was not trained on."""
        return [known for known, _ in server.engine.current.examples]

    @routes.get("/examples/{number}", responses={404: describing.ERROR})
    async def example(request: Request, number: int) -> dict:
        """One of them, as /explain would answer."""
        found = server.engine.current.examples
        if not 0 <= number < len(found):
            raise Refused(404, "model", f"No example {number}; there are {len(found)}, counted from 0.")
        known, image = found[number]
        return await _explained(server, request, uploads.Upload(image[None], [known]), 0)

    app.include_router(routes)


def _add_pages(app: FastAPI, server: Server) -> None:
    routes = APIRouter(tags=["For people"])

    @routes.get("/", response_class=HTMLResponse, include_in_schema=False)
    def page() -> Response:
        """Try the model in a browser."""
        return _page(pages.front(server.name, server.engine.current))

    @routes.get("/docs", response_class=HTMLResponse, include_in_schema=False)
    def documentation() -> Response:
        """The description of all addresses, for people."""
        return _page(pages.documentation(app.openapi()))

    @routes.get("/model", response_class=PlainTextResponse)
    def card() -> Response:
        """The model's card."""
        return PlainTextResponse(server.engine.current.card, media_type="text/markdown; charset=utf-8")

    @routes.get("/drift.json")
    def drift() -> dict:
        """How far the last showers have moved from those that the model was validated on, and what that does to it."""
        return server.engine.current.window.report()

    @routes.get("/drift", response_class=HTMLResponse)
    def drift_page() -> Response:
        """The same with pictures."""
        return _page(pages.drift(server.name, server.engine.current))

    @routes.get("/metrics", response_class=PlainTextResponse)
    def metrics() -> Response:
        """For Prometheus."""
        return Response(server.metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")

    app.include_router(routes)


def _page(text: str) -> Response:
    return HTMLResponse(text, headers={"content-security-policy": pages.POLICY})


async def _upload(server: Server, request: Request, source: str) -> uploads.Upload:
    """The images of a body, in whatever form they were sent. Raises Refused."""
    current, limits = server.engine.current, server.settings.limits
    if source and source not in sources.kinds():
        raise bad(f"source: {source!r} given, allowed are {', '.join(sources.kinds())}.")
    body = b"".join(await read_body(request.scope, request.receive, limits))
    if not body:
        raise bad("The body is empty; send a file, or JSON.")
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() == "application/json":
        return uploads.from_json(body, current.model.channels, limits)
    if body.startswith(uploads.ZIP):
        return uploads.from_npz(body, current.model.channels, limits)
    async with server.place():
        return await uploads.from_file(body, source, current.model.folder, limits)


async def _explained(server: Server, request: Request, upload: uploads.Upload, shower: int) -> dict[str, Any]:
    probabilities, version = await server.probabilities(request.scope, upload.images)
    async with server.place():  # beside the batches, not among them: some hundred images that nobody else waits for
        more = await asyncio.to_thread(explaining.explain, version, upload.images[shower], probabilities[shower])
    return _answer(server, version, upload, probabilities) | {"explained": more | {"shower": shower}}


def _answer(server: Server, version: Version, upload: uploads.Upload, probabilities: Any) -> dict[str, Any]:
    """What `/predict` says."""
    model, content = version.model, version.model.content
    if upload.warnings:
        server.metrics.warnings.labels("input").inc()
    showers = [
        known | {
            "class": model.classes[int(row.argmax())],
            "probabilities": {name: round(float(value), 6) for name, value in zip(model.classes, row, strict=True)},
        }
        for known, row in zip(upload.showers, probabilities, strict=True)
    ]  # fmt: skip
    return {
        "model": {
            "name": server.name,
            "version": version.number,
            "configuration": content["configuration"],
            "sha256": version.sha256,
        },
        "signal": model.signal,
        "classes": list(model.classes),
        "showers": showers,
        "warnings": upload.warnings,
    } | ({"notice": SURROGATE} if content["data"]["surrogate"] else {})
