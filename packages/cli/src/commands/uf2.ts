/** `phinets uf2`: converts an application's ELF file to a file that a Pico's USB drive accepts. */
import { statSync } from "node:fs";
import { PhinetsError } from "@phinets/core/tensor";
import { readRegularSync } from "@phinets/node/files";
import { elfToUf2, isUf2, uf2Path } from "@phinets/node/firmware";
import { writeFileAtomic } from "@phinets/node/host";
import { formatBytes } from "@phinets/node/text";
import type { Command } from "commander";
import type { Context } from "../terminal/context.js";
import { addVerb, type VerbDefinition, vary } from "../terminal/definition.js";
import { json, out } from "./shared-options.js";

const definition: VerbDefinition = {
  name: "uf2",
  description:
    "Converts an ELF image for the RP2040 or RP2350 to UF2. Hold BOOTSEL while you connect the board, and copy the file onto the drive that appears; the program then starts.",
  arguments: [
    { name: "<elf>", help: "ELF file of your application, linked with the exported network", completes: "path" },
  ],
  examples: [["phinets uf2 build/rp2040.elf", "writes build/rp2040.uf2"]],
  options: [vary(out("file", ".uf2 file to write"), { usual: "beside the ELF file" }), json],
};

/** Enough for an image of 16 MB with all its debug information. */
const mostElfBytes = 256 * 1024 * 1024;

export function register(program: Command, context: Context): void {
  addVerb(program, definition).action((elf: string, options: { out?: string }) => {
    const path = options.out ?? uf2Path(elf);
    const { chip, bytes } = elfToUf2(readRegularSync(elf, { most: mostElfBytes }), elf);
    requireOwnUf2(path);
    writeFileAtomic(path, bytes);
    context.result(
      { file: path, chip, bytes: bytes.length },
      () => `${path}: ${formatBytes(bytes.length)} for the ${chip.toUpperCase()}`,
    );
  });
}

/** Throws PhinetsError `cli.out` where the path has another file than a UF2. */
function requireOwnUf2(file: string): void {
  const stats = statSync(file, { throwIfNoEntry: false });
  if (stats === undefined || (stats.isFile() && isUf2(readRegularSync(file, { first: 8 })))) return;
  throw new PhinetsError("cli.out", `${file}: exists and is no UF2 file; name another file with --out`, file);
}
