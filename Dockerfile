# The app as web, worker, migration or all in one: the same image, another command (compose.yaml).
# The image's Node is of the same line as the npm package "node", so nothing runs twice.
FROM node:24-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY . .
RUN npm run build

FROM node:24-bookworm-slim
ENV NODE_ENV=production HOST=0.0.0.0 PORT=4000 HEALTH_PORT=4001 LOCKSTEP_DATA_DIR=/data
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --no-audit --no-fund && npm cache clean --force && mkdir /data && chown node:node /data
COPY --from=build --chown=root:root /app/build build
COPY app app
COPY server server
COPY scripts scripts
COPY prisma prisma
COPY prisma.config.ts tsconfig.json ./
USER node
VOLUME /data
EXPOSE 4000
# Not through npm: the process itself must get the signal, so that work in hand finishes.
CMD ["node", "server/web.ts"]
HEALTHCHECK --interval=10s --timeout=4s --start-period=20s \
	CMD ["node", "-e", "fetch('http://127.0.0.1:' + process.env.PORT + '/readyz').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
