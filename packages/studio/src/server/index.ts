/**
 * The studio's server: serves a page on the user's own machine (loopback by default), with the functions of
 * @phinets/node behind it.
 */
import { readFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { makeApp } from "./app.js";
import { listen, ownAddresses, stopListening } from "./listen.js";
import type { DoorTimes } from "./phone/door.js";
import { loopbackHosts, makeToken } from "./security.js";
import { openStudio } from "./studio.js";

export interface StudioOptions {
  /** The folder whose data sets and runs are shown. Files outside it are not read. */
  readonly folder: string;
  /** Default 0: any free port. */
  readonly port?: number;
  /** Address or name to listen at instead of loopback: other machines can then reach it, with the token. */
  readonly host?: string;
  /** Folder of all runs. Default "runs". */
  readonly project?: string;
  /** Program and first arguments that start the command `phinets`. Default: found by its name. */
  readonly phinets?: readonly string[];
  /** Folder of the built page. Default: the one in this package. */
  readonly page?: string;
  /** How long the door for a phone stays open. */
  readonly phoneTimes?: Partial<DoorTimes>;
}

export interface RunningStudio {
  /** Address with the session's token, which grants access to the folder. */
  readonly url: string;
  readonly token: string;
  readonly port: number;
  /** Ends jobs and connections. */
  close(): Promise<void>;
}

const builtPage = fileURLToPath(new URL("../../dist/page", import.meta.url));
const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as {
  version: string;
};

/**
 * Throws PhinetsError where the folder does not exist, the port is taken, or the host is not an address of this
 * machine.
 */
export async function startStudio(options: StudioOptions): Promise<RunningStudio> {
  const { folder, port = 0, host, page = builtPage, project = "runs", phinets = ["phinets"], phoneTimes } = options;
  const studio = openStudio({ path: folder, version, project, phinets, page, phoneTimes });
  const token = makeToken();
  const { fetch } = makeApp(studio, { page, token, hosts: hostsOf(host) });
  const server = await listen(fetch, { port, hostname: host ?? "127.0.0.1" });
  const { port: taken } = server.address() as AddressInfo;
  const shown = host === undefined || isAny(host) ? "localhost" : host.includes(":") ? `[${host}]` : host;
  return {
    url: `http://${shown}:${taken}/?token=${token}`,
    token,
    port: taken,
    close: async () => {
      studio.watch.close();
      await studio.phone.close();
      await studio.jobs.stopAll();
      await stopListening(server);
    },
  };
}

const isAny = (host: string): boolean => host === "0.0.0.0" || host === "::";

/**
 * Where it listens at all addresses, only the machine's own addresses are accepted as hosts: anybody could point a name
 * here.
 */
function hostsOf(host: string | undefined): string[] {
  if (host === undefined) return [...loopbackHosts];
  const bracketed = (address: string) => (address.includes(":") ? `[${address}]` : address);
  if (!isAny(host)) return [...loopbackHosts, bracketed(host.toLowerCase())];
  return [...loopbackHosts, ...ownAddresses().map(({ address }) => bracketed(address))];
}
