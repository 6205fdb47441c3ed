/** Options of commands whose work can be done by a queue's workers. */
import { join } from "node:path";
import { PhinetsError } from "@phinets/core/tensor";
import type { QueueRequest } from "@phinets/queue";
import { InvalidArgumentError } from "commander";
import type { OptionDefinition } from "../terminal/definition.js";
import type { Parser } from "../terminal/options.js";

export interface QueueOptions {
  readonly queue?: string;
  readonly store?: string;
  readonly serve?: { readonly host: string; readonly port: number };
  readonly serveUrl?: string;
  readonly serveCert?: string;
  readonly serveKey?: string;
}

const group = "Many machines";

const hostAndPort: Parser<{ host: string; port: number }> = (text) => {
  const [, host, port] = /^(\[[0-9a-f:.]+\]|[^:[\]\s]+):(\d{1,5})$/i.exec(text) ?? [];
  if (host === undefined || Number(port) > 65535)
    throw new InvalidArgumentError("It is HOST:PORT, as 192.168.1.5:8470.");
  return { host: host.replace(/^\[|\]$/g, ""), port: Number(port) };
};

/** The Redis that a command and its workers share. */
export const queue: OptionDefinition = {
  flags: "--queue <address>",
  help: "Redis or Valkey server that hands out the jobs: redis://USER:PASSWORD@HOST:PORT/DB, or rediss:// for TLS; the password can also be in PHINETS_REDIS_PASSWORD",
  group,
};

export const queueOptions: readonly OptionDefinition[] = [
  queue,
  {
    flags: "--store <place>",
    help: "with --queue: where files for the workers and their results are stored: a folder that all machines share, or s3://BUCKET/PREFIX",
    group,
    completes: "path",
  },
  {
    flags: "--serve <host:port>",
    help: "with --queue: serve these files over HTTP from this process instead; port 0: any free port",
    group,
    parse: hostAndPort,
  },
  { flags: "--serve-url <url>", help: "with --serve: URL at which workers reach it, if that is not HOST:PORT", group },
  {
    flags: "--serve-cert <file>",
    help: "with --serve: TLS certificate (PEM), which the workers trust",
    group,
    completes: "path",
  },
  { flags: "--serve-key <file>", help: "with --serve-cert: its private key (PEM)", group, completes: "path" },
];

/** @throws PhinetsError `cli.usage` where the queue's options contradict each other */
export function checkQueueOptions(options: QueueOptions): void {
  const { queue, store, serve, serveUrl, serveCert, serveKey } = options;
  const fail = (problem: string): never => {
    throw new PhinetsError("cli.usage", problem);
  };
  if (queue === undefined) {
    const given = { "--store": store, "--serve": serve, "--serve-url": serveUrl, "--serve-cert": serveCert };
    const [alone] = Object.entries(given).find(([, value]) => value !== undefined) ?? [];
    if (alone !== undefined) fail(`${alone} is for work on many machines; name its --queue too`);
    return;
  }
  if (store === undefined && serve === undefined)
    fail(
      "--queue needs a place for files: --store FOLDER that the workers share, or --serve HOST:PORT of this process",
    );
  if (serve === undefined && (serveUrl ?? serveCert) !== undefined)
    fail("--serve-url and --serve-cert say how a store is served; name --serve HOST:PORT too");
  if ((serveCert === undefined) !== (serveKey === undefined)) fail("--serve-cert and --serve-key go together");
  if (serveUrl !== undefined && !/^https?:\/\/[^/?#]+\/?$/.test(serveUrl))
    fail(`--serve-url is ${serveUrl}; it is http://HOST:PORT or https://HOST:PORT`);
}

/** The request to `@phinets/queue`, from checked options that name a queue. */
export function queueRequestOf({
  queue,
  store,
  serve,
  serveUrl: url,
  serveCert,
  serveKey,
}: QueueOptions): QueueRequest {
  const tls = serveCert === undefined ? undefined : { certificate: serveCert, key: serveKey! };
  return { queue: queue!, store, serve: serve && { ...serve, url, tls } };
}

/** The default store of commands that have no folder of their own for it. */
export const storeOf = (project: string): string => join(project, "store");
