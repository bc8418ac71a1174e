"""Who acts in a request is known to every service, and to no other request."""

from contextvars import copy_context

import structlog

from api.acting import acts, asking
from hookwright.audit import MAX_ACTOR, AskedBy


def test_who_asks() -> None:
    """The caller and the id of the request are what a change carries."""

    def request() -> None:
        acts("operator:" + "o" * MAX_ACTOR)
        with structlog.contextvars.bound_contextvars(request_id="req_1"):
            asked = AskedBy(**asking())
        assert (asked.by or "").startswith("operator:ooo")
        assert asked.request_id == "req_1"

    before = asking()
    copy_context().run(request)
    assert asking() == before
