/** The holder of a run folder's lock, and whether that process still runs. */
import { createHash } from "node:crypto";
import { readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";
import { processExists } from "../host/process.js";

export interface Holder {
  readonly pid: number;
  readonly host: string;
  /** Identifies this lock. Locks of earlier versions lack this and all following fields. */
  readonly nonce?: string;
  /** What the process does: "training". */
  readonly work?: string;
  /** Start of the process in ticks since boot: its id may have been reused since. */
  readonly started?: string;
  /** Id of the boot: process ids of an earlier boot mean nothing. */
  readonly boot?: string;
  /** Namespace of process ids: in a container the same id is another process. */
  readonly namespace?: string;
  /** Digest of the machine's id: two machines may have the same name. */
  readonly machine?: string;
}

/** "unknown": the process runs where this one cannot see it. */
export type Life = "alive" | "dead" | "unknown";

let surroundings: Pick<Holder, "host" | "boot" | "namespace" | "machine"> | undefined;

/** Identifies where this process runs, as far as the system tells. */
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

/** Parses the content of a lock; undefined where it is invalid or incomplete. */
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

/** @param isOwn whether a nonce belongs to a lock that this process holds */
export function lifeOf(holder: Holder, isOwn: (nonce: string) => boolean, at = here()): Life {
  const { pid, host, boot, namespace, machine, started } = holder;
  if (boot !== undefined && at.boot !== undefined) {
    if (boot !== at.boot) {
      // The machine was restarted since, unless it is another one of the same name.
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

/** Linux: ticks from boot to a process's start, and whether it has ended and is only not reaped yet. */
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
