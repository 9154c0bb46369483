"""The endpoint that anybody would write: FastAPI, one request at a time, no checks. `python benchmarks/plain_server.py model.onnx PORT`.

It is asked as `server.py` asks ours, in the same way that is cheapest for it: the images' bytes come, the probabilities' bytes go.
"""

import sys

import numpy as np
import onnxruntime
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import Response


def create_app(path: str) -> FastAPI:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    app = FastAPI()

    @app.post("/infer")
    async def infer(request: Request) -> Response:
        images = np.frombuffer(await request.body(), np.float32).reshape(-1, 1, 80, 80)
        return Response(session.run(None, {"images": images})[0].tobytes(), media_type="application/octet-stream")

    return app


if __name__ == "__main__":
    uvicorn.run(create_app(sys.argv[1]), port=int(sys.argv[2]))  # as it is: with a line of log per request, as ours
