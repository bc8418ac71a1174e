"""All rows, in the order of the report."""

from bench.isolation import loads, order, origins, parked, rate_limit
from bench.isolation.beside import Beside, control, row
from bench.isolation.black_holes import SERVE
from bench.isolation.measured import Row

ROWS: tuple[Row, ...] = (
    control("prompt", "beside 50 events a second for endpoints that answer", Beside(loads.prompt)),
    row(
        "paced",
        "beside 50 events a second for endpoints that hang",
        1.3,
        Beside(loads.paced_to_hanging),
    ),
    row("hanging", "beside 1,000 endpoints that hang", 1.5, Beside(loads.hanging)),
    row("filters", "beside a tenant with 200 hostile filters", 1.5, Beside(loads.filters)),
    row("chunks", "beside 60 floods of chunks", 1.5, Beside(loads.chunks)),
    row("interim", "beside 60 floods of interim heads", 1.5, Beside(loads.interim_heads)),
    row(
        "names",
        "beside 200 black-holed names",
        1.5,
        Beside(loads.names, hookwright={"serve": SERVE}),
    ),
    row("backlog", "beside 5,000 events just published", 2.0, Beside(loads.backlog)),
    row("wide", "beside one event to 5,000 endpoints", 2.0, Beside(loads.wide)),
    row(
        "storm",
        "beside a retry storm of 2,000 failing deliveries",
        1.3,
        Beside(loads.storm),
    ),
    origins.ROW,
    rate_limit.ROW,
    order.ROW,
    parked.ROW,
)
