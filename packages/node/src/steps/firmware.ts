/** A run's firmware: emitted, built, run on the emulated core over pictures, compared byte for byte. */

import type { PictureSource } from "@phinets/core/data";
import { modelOptions } from "@phinets/core/export";
import type { Network } from "@phinets/core/networks";
import { dequantizeOutput, type QuantizedNetwork } from "@phinets/core/quantization";
import { type EmulateOptions, type Emulation, emulate } from "../emulator/index.js";
import { int8Input, type Outputs } from "./validate.js";

export interface FirmwareResult {
  readonly emulation: Emulation;
  /** Real values of what the emulated core put out, a picture each. */
  readonly outputs: Outputs;
}

/**
 * @param options `scoreThreshold`: least score of a detector's boxes, 0..1; goes into the model's header. Default 0.25
 * Throws PhinetsError when a tool is missing (code `emulator.tool`) or the firmware does not build or run.
 */
export async function firmwareOutputs(
  quantized: QuantizedNetwork,
  network: Network,
  source: PictureSource,
  options: Pick<EmulateOptions, "folder" | "signal" | "target" | "optimize" | "input"> & {
    readonly scoreThreshold?: number;
  } = {},
): Promise<FirmwareResult> {
  const inputs = Array.from({ length: source.length }, (_, i) => int8Input(network, source, i));
  const outputs: Float64Array[] = [];
  const { folder, signal, target, optimize, input, scoreThreshold } = options;
  const emulation = await emulate(quantized, inputs, {
    ...{ folder, signal, target, optimize, input },
    ...modelOptions(network, { scoreThreshold }),
    onOutput: (output) => outputs.push(dequantizeOutput(quantized, output)),
  });
  return { emulation, outputs };
}
