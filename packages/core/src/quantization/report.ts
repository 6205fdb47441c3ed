/** Measures how far the integer network is from the float one, value by value. The caller's callbacks run both. */
import { inputsOf } from "../graph/index.js";
import { type FloatWeights, sizeOf, type Tensor, tensor } from "../tensor/index.js";
import type { FloatRunner } from "./calibrate.js";
import { decibels, relevantRanges } from "./integer-network.js";
import type { QuantizedNetwork } from "./types.js";

export interface LayerNoise {
  readonly name: string;
  readonly op: string;
  /** 10 log10(sum float^2 / sum (float - dequantised)^2) over all pictures, dB; 200 when equal. */
  readonly snrDb: number;
}

/** Runs one int8 picture and passes every value by name: `(input, tap) => interpreter.run(input, tap)`. */
export type IntegerRunner = (input: Int8Array, tap: (name: string, value: Int8Array) => void) => unknown;

/**
 * Signal-to-noise ratio of every value of a quantised network, measured against the float network's value on the same
 * picture, so that noise accumulates along the network. Where int8 leaves out values that the readers cannot tell apart
 * (`relevantRanges`, and an output's chosen range), the float value is clipped likewise before the comparison.
 *
 * @param weights float weights of the deployment graph (`deployWeights`)
 * @param pictures floats (pixel / 128 - 1), one picture `[height, width, channels]` per array
 */
export function layerNoise(
  network: QuantizedNetwork,
  weights: FloatWeights,
  pictures: Iterable<Float32Array>,
  runFloat: FloatRunner,
  runInteger: IntegerRunner,
): LayerNoise[] {
  const { graph, values } = network;
  const [{ name: inputName, attributes }] = inputsOf(graph);
  const signal = new Map<string, number>();
  const noise = new Map<string, number>();
  const bounds = relevantRanges(graph);
  for (const name of graph.outputs) {
    const { scale, zeroPoint } = values[name];
    bounds.set(name, { low: scale * (-128 - zeroPoint), high: scale * (127 - zeroPoint) });
  }
  for (const picture of pictures) {
    const input: Tensor<"float32"> = tensor("float32", attributes.shape, picture);
    const float = runFloat(graph, weights, { [inputName]: input });
    runInteger(quantizeInput(picture), (name, integer) => {
      const { scale, zeroPoint } = values[name];
      const exact = float[name].data;
      const { low, high } = bounds.get(name) ?? { low: Number.NEGATIVE_INFINITY, high: Number.POSITIVE_INFINITY };
      let s = 0;
      let n = 0;
      for (let i = 0; i < sizeOf(float[name].shape); i++) {
        const x = Math.min(high, Math.max(low, exact[i]));
        s += x * x;
        n += (x - scale * (integer[i] - zeroPoint)) ** 2;
      }
      signal.set(name, (signal.get(name) ?? 0) + s);
      noise.set(name, (noise.get(name) ?? 0) + n);
    });
  }
  return graph.nodes.map(({ name, op }) => ({
    name,
    op,
    snrDb: decibels(signal.get(name) ?? 0, noise.get(name) ?? 0),
  }));
}

/** Converts a float picture (pixel / 128 - 1) to the network's int8 input (pixel - 128). */
export function quantizeInput(picture: Float32Array): Int8Array {
  return Int8Array.from(picture, (x) => Math.max(-128, Math.min(127, Math.round(x * 128))));
}

/**
 * Converts an int8 output, by default the first, to real values exactly, so that decoding them gives the firmware's
 * boxes.
 */
export function dequantizeOutput(
  { graph, values }: Pick<QuantizedNetwork, "graph" | "values">,
  output: Int8Array,
  index = 0,
): Float64Array {
  const { scale, zeroPoint } = values[graph.outputs[index]];
  const real = new Float64Array(output.length);
  for (let i = 0; i < output.length; i++) real[i] = scale * (output[i] - zeroPoint);
  return real;
}
