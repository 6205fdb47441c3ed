/**
 * Writes a network's C code as a folder for any project or for one build system: the layout comes from core, the
 * sources from this package.
 */
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import {
  type BuildSystem,
  type COptions,
  type Files,
  type Firmware,
  firmwareProgram,
  layOutC,
  sharedFolders,
} from "@phinets/core/export";
import type { QuantizedNetwork } from "@phinets/core/quantization";
import { type Board, loadBoard, type ProgramRequest } from "@phinets/core/target";
import { describeWriteError, writeFileAtomic } from "../host/atomic.js";
import { defaultTarget } from "../target/target.js";
import { firmwareSources } from "./build.js";

export interface BundleOptions extends Pick<COptions, "detector" | "classes">, ProgramRequest {
  /** The board of the image. Default: the STM32H743. */
  readonly target?: Board;
  /** Prefix of the model's files, symbols and macros, and of CMake's targets: a C identifier. Default "phinets". */
  readonly name?: string;
  /** Build system whose layout the folder has. Default: one that fits any project. */
  readonly system?: BuildSystem;
}

/**
 * Writes the folder and returns its files' paths. Without a build system, `cc *.c host/main.c` in it builds the host
 * program; on a microcontroller its .c and .S files are compiled with the user's own code, or with the board's folder,
 * which exists for Cortex-M cores only. Throws PhinetsError where `emitC` does, for a name that collides with the
 * kernels' names, and when a file cannot be written.
 */
export function writeBundle(folder: string, q: QuantizedNetwork, options: BundleOptions): string[] {
  const { target = loadBoard(defaultTarget), name = "phinets", detector, classes, system } = options;
  const program = firmwareProgram(q, target, options);
  const files = layOutC({ q, name, target, program, detector, classes }, readFirmware(), system);
  const isReadme = (file: string): boolean => file === "README.md";
  // README.md is written first because it identifies the folder: after an interruption the same folder is accepted
  // again.
  const ordered = Object.keys(files).sort((a, b) => Number(isReadme(b)) - Number(isReadme(a)));
  const paths = ordered.map((file) => join(folder, file));
  try {
    mkdirSync(folder, { recursive: true });
  } catch (error) {
    throw describeWriteError(error, folder);
  }
  for (const [n, path] of paths.entries()) writeFileAtomic(path, files[ordered[n]]);
  return paths.sort();
}

/** The sources of @phinets/firmware. */
function readFirmware(): Firmware {
  const read = (folder: string): [string, string][] =>
    readdirSync(join(firmwareSources, folder), { withFileTypes: true })
      .sort((a, b) => (a.name < b.name ? -1 : 1))
      .flatMap((entry): [string, string][] => {
        const path = `${folder}/${entry.name}`;
        return entry.isDirectory() ? read(path) : [[path, readFileSync(join(firmwareSources, path), "utf8")]];
      });
  const tops = new Set([...sharedFolders.map((part) => part.split("/")[0]), "boards", "examples"]);
  const files = Object.fromEntries([...tops].flatMap(read));
  return { files, version: versionOf(files) };
}

function versionOf(files: Files): string {
  const hash = createHash("sha256");
  for (const [file, text] of Object.entries(files))
    if (!/^(?:boards|examples)\//.test(file)) hash.update(`${file}\n${text}`);
  return hash.digest("hex").slice(0, 16);
}
