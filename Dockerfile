# The gateway (default target) and the reference backends: targets gateway, commerce, auth, analytics.
#   docker build -t olympus .            docker build -t olympus-commerce --target commerce .
# `.ci/replay-dockerfile` checks this file and replays the gateway's part of it where no engine runs.
ARG RUST=1.95
ARG PYTHON=3.11
ARG PROFILE=dist

FROM rust:${RUST}-slim-bookworm AS toolchain
RUN apt-get update \
 && apt-get install -y --no-install-recommends cmake gcc libc6-dev make \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /src

# Dependencies change rarely: they are built against an empty crate, in a layer of their own.
# Sections that name files which are not copied yet would make the manifest invalid.
FROM toolchain AS dependencies
ARG PROFILE
COPY Cargo.toml Cargo.lock ./
RUN sed -i '/^\[\[\(bench\|example\|test\)\]\]/,/^$/d' Cargo.toml \
 && mkdir src && touch src/lib.rs && echo 'fn main() {}' > src/main.rs \
 && cargo build --locked --profile "$PROFILE" --lib --bin olympus

# Copied files keep their old times, so cargo is told that they are newer than the empty crate.
FROM dependencies AS build
ARG PROFILE
COPY src ./src
COPY migrations ./migrations
RUN touch src/lib.rs src/main.rs \
 && cargo install --locked --no-track --path . --bin olympus --profile "$PROFILE" --root out \
 && strip out/bin/olympus

FROM dependencies AS build-backends
ARG PROFILE
COPY Cargo.toml ./
COPY src ./src
COPY migrations ./migrations
COPY examples ./examples
RUN sed -i '/^\[\[\(bench\|test\)\]\]/,/^$/d' Cargo.toml \
 && touch src/lib.rs src/main.rs \
 && cargo install --locked --no-track --path . --example commerce --example auth --profile "$PROFILE" --root out

FROM debian:bookworm-slim AS runtime
RUN groupadd --system --gid 10001 olympus \
 && useradd --system --uid 10001 --gid olympus --home-dir /opt/olympus --no-create-home --shell /usr/sbin/nologin olympus \
 && install -d -o olympus -g olympus /data
WORKDIR /opt/olympus
STOPSIGNAL SIGTERM

FROM runtime AS commerce
COPY --from=build-backends /src/out/bin/commerce /usr/local/bin/commerce
USER 10001:10001
EXPOSE 9001
HEALTHCHECK --interval=5s --timeout=2s --start-period=5s \
  CMD ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/9001 && printf 'GET /healthz HTTP/1.0\\r\\n\\r\\n' >&3 && head -n 1 <&3 | grep -q ' 200'"]
ENTRYPOINT ["commerce"]
CMD ["--listen", "0.0.0.0:9001", "--name", "commerce", "--data", "/data/commerce.db"]

FROM runtime AS auth
COPY --from=build-backends /src/out/bin/auth /usr/local/bin/auth
USER 10001:10001
EXPOSE 9011
HEALTHCHECK --interval=5s --timeout=2s --start-period=5s \
  CMD ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/9011 && printf 'GET /healthz HTTP/1.0\\r\\n\\r\\n' >&3 && head -n 1 <&3 | grep -q ' 200'"]
ENTRYPOINT ["auth"]
CMD ["--listen", "0.0.0.0:9011", "--name", "auth", "--database", "/data/auth.db", "--service-token-file", "/run/secrets/service_token"]

FROM python:${PYTHON}-slim-bookworm AS analytics
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /opt/olympus
COPY examples/analytics/requirements.txt ./
RUN pip install --no-cache-dir --requirement requirements.txt
COPY examples/analytics/analytics ./analytics
STOPSIGNAL SIGTERM
USER 10001:10001
EXPOSE 9021
HEALTHCHECK --interval=5s --timeout=2s --start-period=5s \
  CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:9021/healthz', timeout=1)"]
ENTRYPOINT ["python", "-m", "analytics"]
CMD ["--listen", "0.0.0.0:9021", "--name", "analytics"]

FROM runtime AS gateway
# Whom backends with `tls` and without `ca` are held against.
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates \
 && rm -rf /var/lib/apt/lists/*
COPY --from=build /src/out/bin/olympus /usr/local/bin/olympus
COPY conf ./conf
USER 10001:10001
EXPOSE 8080
HEALTHCHECK --interval=5s --timeout=3s --start-period=10s CMD ["olympus", "health"]
ENTRYPOINT ["olympus"]
CMD ["run", "-c", "conf/gateway.toml"]
