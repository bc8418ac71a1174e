# One image for every process of ours: `hookwright serve`, or `hookwright api` and
# `hookwright worker`; and `hookwright setup`.

FROM python:3.12-slim-bookworm AS build

ENV PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1

# No pip in there: nothing can be installed into a running container's environment.
RUN python -m venv --without-pip /opt/hookwright

WORKDIR /build

# The dependencies by themselves, so that a change of our code does not fetch them again. What builds
# our wheel is by hash too, and not in the environment that is shipped.
COPY requirements.lock requirements-build.lock ./
RUN pip --python /opt/hookwright install --require-hashes --only-binary :all: -r requirements.lock \
    && pip install --require-hashes --only-binary :all: -r requirements-build.lock

COPY pyproject.toml README.md LICENSE ./
COPY hookwright ./hookwright
COPY workflows ./workflows
COPY activities ./activities
COPY api ./api
COPY runtime ./runtime
RUN pip wheel --no-deps --no-build-isolation --wheel-dir wheels . \
    && pip --python /opt/hookwright install --no-deps wheels/*.whl \
    && /opt/hookwright/bin/python -m compileall -q /opt/hookwright/lib


FROM python:3.12-slim-bookworm

RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin hookwright

COPY --from=build /opt/hookwright /opt/hookwright

ENV PATH=/opt/hookwright/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1

# An empty folder: settings come from the environment, and never from a `.env` in an image.
WORKDIR /srv

# By number, so that an orchestrator can see that it is not root.
USER 10001:10001

ENTRYPOINT ["hookwright"]
CMD ["--help"]
