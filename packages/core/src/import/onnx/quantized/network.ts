/**
 * Imports an .onnx network in the QDQ or QOperator format as an int8 network, with its int8 weights, scales and zero
 * points.
 */
import { lowerToInteger } from "../../../quantization/index.js";
import { PhinetsError } from "../../../tensor/index.js";
import type { ImportOptions } from "../../input-shape.js";
import type { ImportedInput, ImportedNetwork } from "../../tflite/network.js";
import { Unsupported } from "../../unsupported.js";
import { readOnnx } from "../file.js";
import { OnnxNetwork } from "../network.js";
import { quantizedNetworkOf } from "./int8.js";
import { asQdq } from "./q-operators.js";
import { quantizedRules } from "./rules.js";

/** Operators that only a quantised network has. */
const isQuantized =
  /^((com\.microsoft\.)?(QuantizeLinear|QLinear\w+|QGemm)|DynamicQuantizeLinear|(Conv|MatMul)Integer)$/;

/** Whether values of a network are integers, not only its weights. Throws PhinetsError as `readOnnx`. */
export function isQuantizedOnnx(bytes: Uint8Array, file: string): boolean {
  const { nodes, constants } = readOnnx(bytes, file);
  return nodes.some(({ kind, inputs }) => isQuantized.test(kind) && !constants.has(inputs[0]));
}

/**
 * Imports a network of int8 values and weights in the QDQ format (QuantizeLinear and DequantizeLinear around floats) or
 * the QOperator format (QLinearConv and so on), as ONNX Runtime's static quantiser writes them. ONNX does not specify
 * the integer arithmetic, so a layer's bytes are within one step of ONNX Runtime's.
 *
 * @param file name for messages
 * @throws PhinetsError as `importOnnx`
 */
export function importQuantizedOnnx(bytes: Uint8Array, file: string, options: ImportOptions = {}): ImportedNetwork {
  const read = readOnnx(bytes, file);
  const onnx = new OnnxNetwork(asQdq(read), options, quantizedRules, "int8");
  const { graph, weights, input, notes, reading } = onnx.build();
  const kept = new Set(onnx.file.nodes.map(({ index }) => index));
  const operators = read.nodes.filter(({ index }) => kept.has(index));
  const fail = (problem: string): never => {
    throw new PhinetsError("import.onnx", `${file}: ${problem}`, file);
  };
  try {
    const network = quantizedNetworkOf({
      ...{ graph, weights },
      quantizations: onnx.graph.quantizations,
      weightScales: onnx.graph.weightScales,
    });
    lowerToInteger(network);
    const type = read.inputs[0].type as ImportedInput["type"];
    return {
      network,
      input: { type, shape: input.shape, ...network.values[graph.nodes[0].name] },
      operators: operators.map(({ kind }) => ({ kind })),
      notes: [
        ...notes,
        "ONNX specifies no integers: a layer's bytes are within one step of ONNX Runtime's",
        ...(type === "float32"
          ? ["the input is float32 and QuantizeLinear makes it int8: the network takes the int8 values"]
          : []),
      ],
      outputs: network.graph.outputs.map((output) => network.graph.shapes[output]),
      ...(reading && { reading }),
    };
  } catch (error) {
    if (error instanceof Unsupported) return fail(error.message);
    if (error instanceof PhinetsError) return fail(`${error.message.split("; ")[0]}; quantise the network again`);
    throw error;
  }
}
