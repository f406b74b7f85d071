# Builds the bot and puts it, with the few libraries it is linked to and CA certificates, into an otherwise empty image.
#
#     docker build -t marketo-api-user .
#     docker run --env-file marketo-api-user.env -v "$PWD/marketo-api-user.toml:/etc/marketo-api-user.toml:ro" \
#         -v marketo-api-user:/data -p 3000:3000 marketo-api-user

FROM rust:1-slim-bookworm AS build
RUN apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev ca-certificates \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
# The dependencies alone first: this layer stays as long as they do.
COPY Cargo.toml Cargo.lock ./
RUN mkdir -p src benches/figures && echo 'fn main() {}' > src/main.rs && touch src/lib.rs \
    && cp src/main.rs benches/figures/main.rs \
    && cargo build --release --locked --no-default-features --bin marketo-api-user
COPY manifest.yml ./
COPY src src
# The real sources are older than what was just built from the empty ones.
RUN touch src/main.rs src/lib.rs && cargo build --release --locked --no-default-features --bin marketo-api-user

# Everything that the final image holds, gathered under one folder.
RUN set -eu; root=/root-of-image; binary=target/release/marketo-api-user; \
    install -D -m 0755 "$binary" "$root/usr/local/bin/marketo-api-user"; \
    libraries=$(ldd "$binary" | grep -o '/[^ ]*'); \
    # Looking up names in DNS is loaded by the C library at run time.
    for library in $libraries $(ls /lib/*-linux-gnu/libnss_dns.so.2 /lib/*-linux-gnu/libnss_files.so.2 /lib/*-linux-gnu/libresolv.so.2); do \
        install -D -m 0755 "$library" "$root$library"; \
    done; \
    install -D -m 0644 /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/ca-certificates.crt"; \
    echo 'hosts: files dns' > "$root/etc/nsswitch.conf"; \
    echo 'bot:x:65532:65532:bot:/data:/sbin/nologin' > "$root/etc/passwd"; \
    echo 'bot:x:65532:' > "$root/etc/group"; \
    install -d -m 1777 "$root/tmp"; \
    install -d -o 65532 -g 65532 -m 0700 "$root/data"

FROM scratch
COPY --from=build /root-of-image /
USER 65532:65532
WORKDIR /data
VOLUME /data
ENV BIND=0.0.0.0:3000 \
    DATABASE_URL=sqlite:/data/marketo-api-user.db \
    CONFIG=/etc/marketo-api-user.toml \
    SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
EXPOSE 3000
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s CMD ["/usr/local/bin/marketo-api-user", "healthcheck"]
ENTRYPOINT ["/usr/local/bin/marketo-api-user"]
CMD ["serve"]
