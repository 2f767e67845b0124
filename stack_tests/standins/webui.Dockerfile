# Open WebUI as PyPI has it. Its environment is mounted at /opt/webui and read past its own `python`, which may be a
# link to one that is not in here.
ARG BASE
FROM ${BASE}
ENV DATA_DIR=/app/backend/data HOME=/app/backend/data PYTHONDONTWRITEBYTECODE=1
WORKDIR /app/backend
CMD ["/bin/sh", "-c", "PYTHONPATH=$(echo /opt/webui/lib/python3.*/site-packages) exec python3 -m uvicorn \
    open_webui.main:app --host 0.0.0.0 --port 8080 --log-level warning"]
