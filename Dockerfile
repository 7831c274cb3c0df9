# The service in an image of its own: dependencies by locked hashes, no root, nothing of the build in what runs.
FROM python:3.12-slim AS build
WORKDIR /source
COPY requirements/ requirements/
RUN python -m venv /opt/vibelux \
    && /opt/vibelux/bin/pip install --no-cache-dir --require-hashes -r requirements/runtime.txt \
    && python -m venv /opt/build \
    && /opt/build/bin/pip install --no-cache-dir --require-hashes -r requirements/uv.txt
COPY pyproject.toml README.md LICENSE ./
COPY src/ src/
RUN /opt/build/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /wheel . \
    && /opt/vibelux/bin/pip install --no-cache-dir --no-deps /wheel/*.whl

FROM python:3.12-slim
RUN useradd --system --uid 10001 --home-dir /var/lib/vibelux --create-home vibelux
COPY --from=build /opt/vibelux /opt/vibelux
ENV PATH=/opt/vibelux/bin:$PATH PYTHONUNBUFFERED=1 VIBELUX_DATA_DIR=/var/lib/vibelux
USER vibelux
WORKDIR /var/lib/vibelux
VOLUME /var/lib/vibelux
EXPOSE 8080
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --retries=4 \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8080/healthz', timeout=4)"]
ENTRYPOINT ["vibelux"]
CMD ["serve", "--host", "0.0.0.0"]
