/** Listens at an address of this machine. */
import type { Server } from "node:http";
import { networkInterfaces } from "node:os";
import { serve } from "@hono/node-server";
import { PhinetsError } from "@phinets/core/tensor";

export interface ListenOptions {
  /** 0: any free port. */
  readonly port: number;
  /** Address or name. */
  readonly hostname: string;
}

/** Throws PhinetsError where the port is taken or the host is not an address of this machine. */
export function listen(
  fetch: Parameters<typeof serve>[0]["fetch"],
  { port, hostname }: ListenOptions,
): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = serve({ fetch, port, hostname }, () => resolve(server)) as Server;
    server.once("error", (error: NodeJS.ErrnoException) => {
      const at = `${hostname}:${port}`;
      const reasons: Record<string, string> = {
        EADDRINUSE: `port ${port} is taken; name another with --port`,
        EACCES: `port ${port} is not for everybody; name one from 1024 with --port`,
        EADDRNOTAVAIL: `${hostname} is no address of this machine; name one that is, or none`,
        ENOTFOUND: `${hostname} is no address of this machine; name one that is, or none`,
      };
      reject(new PhinetsError("studio.listen", `${at}: ${reasons[error.code ?? ""] ?? error.message}`, at));
    });
  });
}

/** Ends all connections and stops listening. */
export async function stopListening(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeAllConnections();
  await closed;
}

/** Addresses of this machine, each with its interface's name. */
export const ownAddresses = () =>
  Object.entries(networkInterfaces()).flatMap(([name, all]) => (all ?? []).map((each) => ({ name, ...each })));
