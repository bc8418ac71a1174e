"""Fixtures that every kind of test shares."""

import gc
import io
import logging
import signal
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest
import pytest_asyncio
from support.receiver import Receiver, receiver
from support.stack import CODEC, Stack, stack
from temporalio.client import Client

from activities.delivery import report_queue
from hookwright.temporal import connect, set_up_namespace
from runtime import logs
from runtime.dev import EmbeddedServer, free_port
from runtime.running import allow_open_files

logs.configure()

# A shell starts what is in its background with SIGINT ignored, and processes inherit that. Tests
# send SIGINT to commands, as Ctrl-C does.
signal.signal(signal.SIGINT, signal.default_int_handler)

# As in the product's processes: some tests have both ends of hundreds of connections in this one.
allow_open_files()

# As on a production server; the development server's default is ten times as many.
VISIBILITY_RATE = ("frontend.namespaceRPS.visibility", "10")

# Temporal deletes an execution once its queues have noted the end of it: every 30 s by default.
PROMPT_DELETION = tuple(
    (f"history.{queue}ProcessorUpdateAckInterval", '"1s"') for queue in ("transfer", "visibility")
)

# Temporal lets a timer that is due sooner than this wait for as long, since the clocks of its hosts
# may differ: 1 s by default. Many retries in tests are due in a moment.
PROMPT_TIMERS = ("history.timerProcessorMaxTimeShift", '"10ms"')


@pytest.fixture
def log_output() -> Iterator[io.StringIO]:
    """All that this process logs, as `hookwright` would write it."""
    (handler,) = [it for it in logging.getLogger().handlers if type(it) is logging.StreamHandler]
    for each in handler.filters:
        each.forget()  # what other tests have logged
    written = io.StringIO()
    before = handler.setStream(written)
    yield written
    handler.setStream(before)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let tests run against a Temporal cluster (docs/cluster-tests.md)."""
    parser.addoption("--temporal-address", help="a Temporal cluster, in place of our own server")


@dataclass(frozen=True)
class GivenServer:
    """A Temporal cluster that is there."""

    address: str


@pytest_asyncio.fixture(scope="session")
async def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[EmbeddedServer | GivenServer]:
    """One Temporal server for the whole run: embedded, unless another is named."""
    if address := request.config.getoption("--temporal-address"):
        yield GivenServer(address)
        return
    it = EmbeddedServer(
        tmp_path_factory.mktemp("temporal"),
        free_port(),
        dynamic_config=(VISIBILITY_RATE, *PROMPT_DELETION, PROMPT_TIMERS),
    )
    async with it.running():
        yield it


@pytest_asyncio.fixture(scope="session")
async def client(server: EmbeddedServer) -> Client:
    """A client as the product makes it, on a namespace that is set up."""
    it = await connect(CODEC, target_host=server.address)
    await set_up_namespace(it, timedelta(days=1))
    return it


@pytest.fixture(scope="session", autouse=True)
def soon_reported() -> Iterator[None]:
    """A delivery whose endpoint fails again waits a tenth of a second for its report, not one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(report_queue, "SIGNAL_INTERVAL_SECONDS", 0.1)
        yield


@pytest_asyncio.fixture
async def hooks() -> AsyncIterator[Receiver]:
    """A receiver that answers 200 until a test sets another answer."""
    async with receiver() as it:
        yield it


@pytest_asyncio.fixture(scope="session")
async def shared_stack(client: Client) -> AsyncIterator[Stack]:
    """API and worker for all tests that neither stop nor starve them: starting both takes 2 s."""
    async with stack(client) as it:
        yield it


@pytest_asyncio.fixture
async def service(shared_stack: Stack) -> Stack:
    """API and worker, with a tenant of this test's own."""
    return await shared_stack.with_new_tenant()


def is_long(item: pytest.Item) -> bool:
    """Return whether a test says that it needs much time."""
    marker = item.get_closest_marker("timeout")
    return marker is not None and marker.args[0] >= float(item.config.getini("timeout"))


def pytest_collection_finish() -> None:
    """Put what is loaded by now out of the garbage collector's sight."""
    let_live()


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """After each module, do the same with what its tests have left, such as cached workflows."""
    if nextitem is None or nextitem.path != item.path:
        let_live()


def let_live() -> None:
    """Collect the garbage, and never look again at what is left.

    Each workflow in a worker's cache has a copy of its module in the SDK's sandbox, some 700
    objects. So after a thousand tests a collection of all generations took seconds on a busy
    machine. It runs in whatever thread it begins, and in a workflow's the SDK takes two seconds for
    a deadlock.
    """
    gc.collect()
    gc.freeze()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test says in one docstring line what must hold. Long tests come first.

    A long one at the end would leave the other processes of pytest without work.
    """
    items.sort(key=lambda item: not is_long(item))
    for item in items:
        function = getattr(item, "function", None)
        if function is not None and not function.__doc__:
            raise pytest.UsageError(f"{item.nodeid} has no docstring; say what must hold")
