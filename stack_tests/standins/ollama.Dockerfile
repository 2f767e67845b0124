ARG BASE
FROM ${BASE}
COPY fake_ollama.py fake_ollama_server.py fake_ollama_wire.py ollama.py /opt/ollama/
RUN chmod 755 /opt/ollama/ollama.py && ln -s /opt/ollama/ollama.py /bin/ollama
ENV OLLAMA_HOST=0.0.0.0:11434
ENTRYPOINT ["/bin/ollama"]
CMD ["serve"]
