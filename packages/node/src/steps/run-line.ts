/** The serial line of a run's firmware, on the emulated core with a clip as its camera. */
import { basename, resolve } from "node:path";
import { writeInputInt8 } from "@phinets/core/data";
import { modelOptions } from "@phinets/core/export";
import { PhinetsError } from "@phinets/core/tensor";
import { emulatedLine, inputsPerRun, type LineOptions } from "../emulator/index.js";
import { loadRun, requireQuantized } from "../run/load.js";
import { openModel } from "../run/model.js";
import { targetOf } from "../target/target.js";
import { framesOf } from "../video/index.js";
import { firmwareScoreThreshold, programRequestOf } from "./ship-view.js";

export interface RunLineOptions extends Pick<LineOptions, "pictures" | "times" | "signal"> {
  /** Video or folder of frames; only the first frames that fit the emulated memory are used. */
  readonly clip: string;
  /** Name of the network in the board's hello message. Default: the run folder's name. */
  readonly name?: string;
}

/**
 * @throws PhinetsError for a run without an int8 detector, for a clip that cannot be read, and as `emulatedLine` does
 */
export async function* runLine(
  folder: string,
  { clip, name = basename(resolve(folder)), ...options }: RunLineOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  const run = loadRun(folder);
  const quantized = requireQuantized(run);
  const { detector } = modelOptions(run.network, { scoreThreshold: firmwareScoreThreshold(run.folder) });
  if (detector === undefined)
    throw new PhinetsError("emulator.tracks", `${folder}: the network is no detector: it has no boxes to send`, folder);
  const model = await openModel(run);
  const { height, width, channels } = model.input;
  const { signal } = options;
  const source = await framesOf(clip, { signal, maxFrames: inputsPerRun(height * width * channels) });
  const frames: Int8Array[] = [];
  for await (const { picture } of source.frames) {
    const { data } = model.prepare(picture);
    const input = new Int8Array(data.length);
    writeInputInt8(data, input);
    frames.push(input);
    source.reuse(picture);
  }
  const request = await programRequestOf(run.folder);
  yield* emulatedLine(quantized, frames, {
    ...options,
    ...request,
    ...{ detector, name, target: targetOf(run.folder, undefined) },
  });
}
