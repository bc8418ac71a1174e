"""A receiver in Flask for the contract `clearway`.

WEBHOOK_SECRET=... flask --app receiver_flask run --port 8100
"""

import json
import os
from http import HTTPStatus

from flask import Flask, request

from hookwright.verify import VerificationError, verify

SECRET = os.environ["WEBHOOK_SECRET"]

app = Flask(__name__)
seen: set[str] = set()  # a real receiver keeps it in its database


@app.post("/hooks")
def receive() -> tuple[str, HTTPStatus]:
    """Verify the raw body, and only then parse it."""
    body = request.get_data()
    try:
        verify("clearway", request.headers, body, SECRET)
    except VerificationError as error:
        return str(error), HTTPStatus.UNAUTHORIZED
    event = json.loads(body)
    if event["id"] not in seen:  # delivery is at least once
        handle(event)
        seen.add(event["id"])
    return "", HTTPStatus.NO_CONTENT


def handle(event: dict[str, object]) -> None:
    """Do what is to be done, or put it into a queue: the answer should not wait for it."""
