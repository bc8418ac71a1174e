"""A receiver in FastAPI for the contract `standard`.

WEBHOOK_SECRET=whsec_... uvicorn receiver_fastapi:app --port 8100
"""

import json
import os
from http import HTTPStatus

from fastapi import FastAPI, HTTPException, Request

from hookwright.verify import VerificationError, verify

SECRET = os.environ["WEBHOOK_SECRET"]

app = FastAPI()
seen: set[str] = set()  # a real receiver keeps it in its database


@app.post("/hooks", status_code=HTTPStatus.NO_CONTENT)
async def receive(request: Request) -> None:
    """Verify the raw body, and only then parse it."""
    body = await request.body()
    try:
        verify("standard", request.headers, body, SECRET)
    except VerificationError as error:
        raise HTTPException(HTTPStatus.UNAUTHORIZED, str(error)) from None
    event_id = request.headers["webhook-id"]
    if event_id not in seen:  # delivery is at least once
        handle(json.loads(body))
        seen.add(event_id)


def handle(event: dict[str, object]) -> None:
    """Do what is to be done, or put it into a queue: the answer should not wait for it."""
