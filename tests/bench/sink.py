"""A Slack that says yes to every post at once: `python -m tests.bench.sink PORT`. Measures nothing, checks nothing."""

import itertools
import sys

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from tests.support.db import WORKSPACE

_ts = itertools.count(1)


async def answer(request: Request) -> JSONResponse:
    method = request.path_params["method"]
    if method == "auth.test":
        me = {"team": "Home", "team_id": WORKSPACE, "user": "gatepost", "user_id": "UGATE", "bot_id": "BGATE"}
        return JSONResponse({"ok": True, "url": "http://127.0.0.1/", **me})
    if method.startswith("chat."):
        return JSONResponse({"ok": True, "channel": "CBENCH", "ts": f"1800000000.{next(_ts):06}", "message": {}})
    return JSONResponse({"ok": False, "error": "fatal_error"})


if __name__ == "__main__":
    app = Starlette(routes=[Route("/api/{method}", answer, methods=["GET", "POST"])])
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning", access_log=False)
