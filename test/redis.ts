/** A Redis of a test's own, on a free port, in a temporary folder; it keeps its data over a restart. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { type AddressInfo, connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";

export interface TestRedis {
  /** Includes a password and a user with the permissions that docs/many-machines.md grants. */
  readonly url: string;
  /** Ends it as a power failure does. */
  kill(): Promise<void>;
  start(): Promise<void>;
  /** Ends it and removes its data. */
  close(): Promise<void>;
}

/** As in docs/many-machines.md. */
export const redisUser =
  "phinets on >secret resetkeys ~phinets:* resetchannels &phinets:* +@all -@admin -@dangerous +info +client";

export async function startRedis(): Promise<TestRedis> {
  const folder = mkdtempSync(join(tmpdir(), "phinets-redis-"));
  const port = await freePort();
  let child: ChildProcess | undefined;
  const start = async (): Promise<void> => {
    const words = ["--port", String(port), "--bind", "127.0.0.1", "--dir", folder, "--save", ""];
    const keeps = ["--appendonly", "yes", "--appendfsync", "always", "--user", ...redisUser.split(" ")];
    child = spawn("redis-server", [...words, ...keeps], { stdio: "ignore" });
    for (let tries = 0; !(await answers(port)); tries++) {
      if (child.exitCode !== null || tries > 300) throw new Error(`redis-server does not start: ${child.exitCode}`);
      await setTimeout(100);
    }
  };
  const kill = async (): Promise<void> => {
    if (child === undefined) return;
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
    child = undefined;
  };
  await start();
  return {
    url: `redis://phinets:secret@127.0.0.1:${port}/0`,
    kill,
    start,
    close: async () => {
      await kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

/** Whether it accepts commands: while it loads its data it refuses them. */
function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => socket.write("PING\r\n"));
    socket.on("error", () => resolve(false));
    socket.on("data", (text) => {
      resolve(!text.includes("LOADING"));
      socket.destroy();
    });
  });
}
