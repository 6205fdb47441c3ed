/**
 * Packs a shipped run's firmware into one .zip: the board's image in every format, the model's C code, and the whole
 * project.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative, sep } from "node:path";
import { modelOptions } from "@phinets/core/export";
import { PhinetsError } from "@phinets/core/tensor";
import { flatImage, readElf, writeBundle } from "@phinets/node/firmware";
import { loadRun, requireQuantized } from "@phinets/node/run";
import { firmwareScoreThreshold, type ShippedFigures } from "@phinets/node/steps";
import { savedTarget } from "@phinets/node/target";
import { type Zippable, zipSync } from "fflate";

/**
 * @param run path of the run folder
 * @param fileOf returns the path of a file of the run, after checking it
 * @throws PhinetsError where there is no image yet
 */
export function firmwareArchive(
  run: string,
  result: Pick<ShippedFigures, "artefacts"> | undefined,
  fileOf: (name: string) => string,
): Uint8Array<ArrayBuffer> {
  const images = (result?.artefacts ?? [])
    .map(({ file }) => file)
    .filter((file) => /^firmware\/build\/(?!emulated-)/.test(file));
  if (images.length === 0)
    throw new PhinetsError(
      "studio.missing",
      "this run has no image for its board; ship it to the end, with the compiler installed",
    );
  const entries: Zippable = {};
  for (const file of images) {
    const bytes = readFileSync(fileOf(file));
    const name = file.slice("firmware/build/".length);
    entries[name] = bytes;
    if (name.endsWith(".elf")) entries[name.replace(/elf$/, "bin")] = flatImage(readElf(bytes, file), file).bytes;
  }
  Object.assign(entries, sourcesOf(run));
  // A fixed time, so that the same run gives the same bytes.
  return new Uint8Array(zipSync(entries, { mtime: new Date(1980, 0, 1) }));
}

/** The folder of `phinets export`, below c/. */
function sourcesOf(folder: string): Zippable {
  const run = loadRun(folder);
  const place = mkdtempSync(join(tmpdir(), "phinets-studio-c-"));
  try {
    const scoreThreshold = firmwareScoreThreshold(folder);
    const options = { ...modelOptions(run.network, { scoreThreshold }), target: savedTarget(folder) };
    const files = writeBundle(place, requireQuantized(run), options);
    return Object.fromEntries(
      files.map((file) => [`c/${relative(place, file).split(sep).join("/")}`, new Uint8Array(readFileSync(file))]),
    );
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
}
