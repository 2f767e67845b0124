# Open WebUI as PyPI has it. Its environment, too large to copy into an image at every run, is mounted where this
# machine has it, and so is the Python it was made with.
ARG BASE
FROM ${BASE}
ENV DATA_DIR=/app/backend/data HOME=/app/backend/data STATIC_DIR=/app/backend/static FROM_INIT_PY=true \
    PYTHONDONTWRITEBYTECODE=1
WORKDIR /app/backend
CMD ["/bin/sh", "-c", "exec \"$WEBUI_PYTHON\" -m uvicorn open_webui.main:app --host 0.0.0.0 --port 8080 \
    --log-level warning"]
