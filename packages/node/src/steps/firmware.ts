/**
 * A run's firmware: emits and builds it, runs it on the emulated core over pictures, and compares the outputs byte for
 * byte.
 */

import type { PictureSource } from "@phinets/core/data";
import { modelOptions } from "@phinets/core/export";
import { int8Input, type Outputs } from "@phinets/core/learning";
import { type Network, outputsRead } from "@phinets/core/networks";
import { dequantizeOutput, type QuantizedNetwork } from "@phinets/core/quantization";
import { joined, sizeOf } from "@phinets/core/tensor";
import { type EmulateOptions, type Emulation, emulate } from "../emulator/index.js";

export interface FirmwareResult {
  readonly emulation: Emulation;
  /** Dequantised outputs of the emulated core, one entry per picture. */
  readonly outputs: Outputs;
}

/**
 * Runs a network's firmware on the emulated core over the pictures.
 * @param options `scoreThreshold`: minimum score of a detector's boxes, 0..1, written into the model's header. Default
 * 0.25
 * @throws PhinetsError when a tool is missing (code `emulator.tool`) or the firmware does not build or run
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
    onOutput: (output) => {
      const read = outputsRead(network.head, splitOutputs(quantized, output));
      outputs.push(joined(read.map((each, i) => dequantizeOutput(quantized, each, i))));
    },
  });
  return { emulation, outputs };
}

/** Splits the concatenated bytes into the network's outputs. */
function splitOutputs({ graph }: QuantizedNetwork, bytes: Int8Array): Int8Array[] {
  let end = 0;
  return graph.outputs.map((name) => {
    const begin = end;
    end += sizeOf(graph.shapes[name]);
    return bytes.subarray(begin, end);
  });
}
