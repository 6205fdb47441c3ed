/**
 * Objects of the sources that all networks share. A process that links several images, for the emulator and the board or for
 * many boards, compiles each source once for the same options. Kept in memory: no file outside the firmware's folder is
 * written.
 */
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { runTool } from "../host/tool.js";

export interface SharedSources {
  /** The firmware's folder. */
  readonly folder: string;
  /** What the objects are for: two programs may be built side by side in a folder. */
  readonly program: string;
  readonly compiler: string;
  /** All options but those of the linker; include folders are relative to `folder`. */
  readonly args: readonly string[];
  /** Relative to `folder`. */
  readonly sources: readonly string[];
  /** Folders of the headers that they may include, relative to `folder`. */
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

/** Object code by a digest of all that it is made of. */
const known = new Map<string, Buffer>();
/** Some 20 MB. */
const mostKnown = 2000;

/** Compiles the sources into `build/objects/PROGRAM`, those that are not known yet; `removeObjects` takes them away. */
export async function compileShared(shared: SharedSources): Promise<Compiled> {
  const { folder, program, compiler, args, sources, headers, signal } = shared;
  const digest = createHash("sha256").update(JSON.stringify([compiler, args]));
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
  const bytes = new Map(entries.map(({ key }) => [key, known.get(key)]));
  const missing = entries.filter(({ key }) => bytes.get(key) === undefined);
  if (missing.length > 0) {
    const up = (path: string): string => join("../../..", path);
    const moved = args.map((arg) => (arg.startsWith("-I") ? `-I${up(arg.slice(2))}` : arg));
    const files = missing.map(({ source }) => up(source));
    const { exitCode, stdout, stderr } = await runTool(compiler, [...moved, "-c", ...files], { cwd: place, signal });
    if (exitCode !== 0) return { exitCode, output: `${stdout}\n${stderr}`, objects: [] };
    for (const { source, key } of missing) {
      // Named by the compiler: kernels/conv2d.c is conv2d.o.
      const made = readFileSync(join(place, basename(source).replace(/\.[cS]$/, ".o")));
      bytes.set(key, made);
      if (known.size >= mostKnown) known.clear();
      known.set(key, made);
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
  } catch {} // another program's are there
}
