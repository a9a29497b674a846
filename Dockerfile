# syntax=docker/dockerfile:1
# Debian and not Alpine: the embedded ClickHouse needs glibc.
FROM node:24.21.0-bookworm-slim AS build
WORKDIR /build
COPY package.json package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY . .
RUN npm run -s build && rm -rf dist/test dist/bench

FROM node:24.21.0-bookworm-slim AS packages
WORKDIR /build
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --no-audit --no-fund

FROM node:24.21.0-bookworm-slim
ENV NODE_ENV=production
WORKDIR /opt/gatewatch
COPY --from=packages /build/node_modules ./node_modules
COPY --from=build /build/dist ./dist
COPY package.json LICENSE ./
COPY examples ./examples
# A volume that is mounted here for the first time takes over owner and mode.
RUN install -d -o 1000 -g 1000 -m 0700 /var/lib/gatewatch
# The account node of the image, by number, so that a host can tell that it is not root.
USER 1000:1000
VOLUME /var/lib/gatewatch
EXPOSE 7407
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=6 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:7407/v1/health').then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["node", "/opt/gatewatch/dist/main.js"]
CMD ["run", "--config", "/etc/gatewatch/gatewatch.yaml"]
