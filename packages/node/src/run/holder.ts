/** Who holds the lock of a run folder, and whether that process still lives. */
import { createHash } from "node:crypto";
import { readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";
import { processExists } from "../host/process.js";

export interface Holder {
  readonly pid: number;
  readonly host: string;
  /** Of this one lock. Locks of versions before have none of the fields from here on. */
  readonly nonce?: string;
  /** What it does: "training". */
  readonly work?: string;
  /** When the process started, in ticks since the boot: another process may have its number now. */
  readonly started?: string;
  /** Of the running kernel: a number of an earlier boot means nothing. */
  readonly boot?: string;
  /** Namespace of process numbers: in a container the same number is another process. */
  readonly namespace?: string;
  /** Digest of the machine's id: two machines can have one name. */
  readonly machine?: string;
}

/** "unknown": it runs where this process cannot look. */
export type Life = "alive" | "dead" | "unknown";

let surroundings: Pick<Holder, "host" | "boot" | "namespace" | "machine"> | undefined;

/** Where this process runs, as far as the system tells. */
function here(): NonNullable<typeof surroundings> {
  surroundings ??= {
    host: hostname(),
    boot: attempt(() => readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim()),
    namespace: attempt(() => readlinkSync("/proc/self/ns/pid")),
    machine: attempt(() => {
      const id = readFileSync("/etc/machine-id", "utf8").trim();
      return id === "" ? undefined : createHash("sha256").update(`phinets ${id}`).digest("hex").slice(0, 16);
    }),
  };
  return surroundings;
}

export function ownHolder(nonce: string, work: string): Holder {
  return { pid: process.pid, ...here(), started: statOf(process.pid)?.started, nonce, work };
}

/** The content of a lock; undefined where it is none, or half of one. */
export function parseHolder(text: string): Holder | undefined {
  try {
    const { pid, host, ...rest } = JSON.parse(text) as Record<string, unknown>;
    if (!Number.isInteger(pid) || (pid as number) < 1 || (pid as number) >= 2 ** 31) return undefined;
    if (typeof host !== "string") return undefined;
    const names = ["nonce", "work", "started", "boot", "namespace", "machine"] as const;
    const more = names.flatMap((name) => (typeof rest[name] === "string" ? [[name, rest[name]]] : []));
    return { pid: pid as number, host, ...Object.fromEntries(more) };
  } catch {
    return undefined;
  }
}

/** @param isOwn whether a nonce is of a lock that this process holds */
export function lifeOf(holder: Holder, isOwn: (nonce: string) => boolean, at = here()): Life {
  const { pid, host, boot, namespace, machine, started } = holder;
  if (boot !== undefined && at.boot !== undefined) {
    if (boot !== at.boot) {
      // The machine was started again since; unless it is another one of the same name.
      const other = host !== at.host || (machine !== undefined && at.machine !== undefined && machine !== at.machine);
      return other ? "unknown" : "dead";
    }
    if (namespace !== at.namespace) return "unknown";
  } else if (host !== at.host) return "unknown";
  if (pid === process.pid) return isOwn(holder.nonce ?? "") ? "alive" : "dead";
  if (!processExists(pid)) return "dead";
  const stat = statOf(pid);
  if (stat === undefined) return "alive";
  if (stat.ended) return "dead";
  return started === undefined || started === stat.started ? "alive" : "dead";
}

/** Linux: ticks from the boot to a process's start, and whether it has ended but was not yet waited for. */
function statOf(pid: number): { readonly started: string; readonly ended: boolean } | undefined {
  return attempt(() => {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return { started: fields[19], ended: fields[0] === "Z" || fields[0] === "X" };
  });
}

function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
