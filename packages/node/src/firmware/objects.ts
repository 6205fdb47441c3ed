/**
 * Cache of object files for the sources that all networks share. A process that links several images, for the emulator
 * and the board or for many boards, compiles each source once per set of options. The cache is in memory, and also in
 * the folder that PHINETS_OBJECTS names, where later processes find it; otherwise no file outside the firmware's folder
 * is written.
 */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { writeFileAtomic } from "../host/atomic.js";
import { runTool } from "../host/tool.js";

export interface SharedSources {
  readonly folder: string;
  /** Name of the program: two programs may be built at the same time in one folder. */
  readonly program: string;
  readonly compiler: string;
  /** All options except the linker's; include folders are relative to `folder`. */
  readonly args: readonly string[];
  /** Relative to `folder`. */
  readonly sources: readonly string[];
  /** Folders of the headers that the sources may include, relative to `folder`. */
  readonly headers: readonly string[];
  readonly signal?: AbortSignal;
}

export interface Compiled {
  readonly exitCode: number;
  /** What the compiler printed. */
  readonly output: string;
  /** Object files, relative to `folder`. */
  readonly objects: readonly string[];
}

/** Object code by a digest of everything that it is compiled from. */
const known = new Map<string, Buffer>();
/** About 20 MB. */
const mostKnown = 2000;

/** The object file of a digest, from memory or from the folder of an earlier process. */
function recall(key: string, kept: string | undefined): Buffer | undefined {
  const path = kept && join(kept, `${key}.o`);
  return known.get(key) ?? (path !== undefined && existsSync(path) ? readFileSync(path) : undefined);
}

function keep(key: string, object: Buffer, kept: string | undefined): void {
  if (known.size >= mostKnown) known.clear();
  known.set(key, object);
  if (kept !== undefined) writeFileAtomic(join(kept, `${key}.o`), object);
}

/** Compiles the sources that are not cached into `build/objects/PROGRAM`; `removeObjects` removes that folder. */
export async function compileShared(shared: SharedSources): Promise<Compiled> {
  const { folder, program, compiler, args, sources, headers, signal } = shared;
  const kept = process.env.PHINETS_OBJECTS || undefined;
  // The compiler is the same throughout a process, so only the shared folder needs its version.
  const version = kept === undefined ? "" : (await runTool(compiler, ["--version"], { cwd: folder, signal })).stdout;
  const digest = createHash("sha256").update(JSON.stringify([compiler, version, args]));
  for (const part of headers)
    for (const file of readdirSync(join(folder, part)).sort())
      if (file.endsWith(".h")) digest.update(file).update(readFileSync(join(folder, part, file)));
  const base = digest.digest();
  const keyOf = (source: string): string =>
    createHash("sha256")
      .update(base)
      .update(source)
      .update(readFileSync(join(folder, source)))
      .digest("hex");
  const entries = sources.map((source) => ({
    source,
    key: keyOf(source),
    object: `build/objects/${program}/${basename(source)}.o`,
  }));
  const place = join(folder, "build/objects", program);
  mkdirSync(place, { recursive: true });
  const bytes = new Map(entries.map(({ key }) => [key, recall(key, kept)]));
  const missing = entries.filter(({ key }) => bytes.get(key) === undefined);
  if (missing.length > 0) {
    const up = (path: string): string => join("../../..", path);
    const moved = args.map((arg) => (arg.startsWith("-I") ? `-I${up(arg.slice(2))}` : arg));
    const files = missing.map(({ source }) => up(source));
    const { exitCode, stdout, stderr } = await runTool(compiler, [...moved, "-c", ...files], { cwd: place, signal });
    if (exitCode !== 0) return { exitCode, output: `${stdout}\n${stderr}`, objects: [] };
    for (const { source, key } of missing) {
      // The compiler names the objects: kernels/conv2d.c becomes conv2d.o.
      const made = readFileSync(join(place, basename(source).replace(/\.[cS]$/, ".o")));
      bytes.set(key, made);
      keep(key, made, kept);
    }
  }
  for (const { key, object } of entries) writeFileSync(join(folder, object), bytes.get(key) as Buffer);
  return { exitCode: 0, output: "", objects: entries.map(({ object }) => object) };
}

/** Removes a program's objects once it is linked. */
export function removeObjects({ folder, program }: Pick<SharedSources, "folder" | "program">): void {
  rmSync(join(folder, "build/objects", program), { recursive: true, force: true });
  try {
    rmdirSync(join(folder, "build/objects"));
  } catch {} // another program's objects are still there
}
