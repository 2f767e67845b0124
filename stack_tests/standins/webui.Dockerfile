# Open WebUI as PyPI has it; its environment is mounted at /opt/webui.
ARG BASE
FROM ${BASE}
ENV DATA_DIR=/app/backend/data HOME=/app/backend/data PORT=8080
WORKDIR /app/backend
CMD ["/opt/webui/bin/python", "-m", "uvicorn", "open_webui.main:app", "--host", "0.0.0.0", "--port", "8080", \
    "--log-level", "warning"]
