/** Ends an .onnx file at tensors of the caller's choice. */
import { operatorsFor, tensorsNamed } from "../cut.js";
import type { OnnxEnd, OnnxFile } from "./file.js";

/** Operators that turn floats into integers. */
const quantizes = /^(com\.microsoft\.)?QuantizeLinear$/;

/**
 * The file without everything beyond the given tensors. If QuantizeLinear reads such a float tensor, the network ends
 * behind it, since it has the scale.
 * Throws PhinetsError `import.outputs` as `tensorsNamed`.
 */
export function cutOnnx(whole: OnnxFile, names: readonly string[] | undefined): OnnxFile {
  if (names === undefined) return whole;
  const { file, nodes } = whole;
  const made = new Map(
    nodes.flatMap(({ outputs }) => outputs.filter((each) => each !== "").map((each) => [each, each])),
  );
  const outputs = tensorsNamed(names, { file, made }).map((title): OnnxEnd => {
    const quantized = nodes.find(({ kind, inputs }) => quantizes.test(kind) && inputs[0] === title)?.outputs[0];
    return { name: quantized || title, title, type: "float32" };
  });
  return {
    ...whole,
    nodes: operatorsFor(
      nodes,
      outputs.map(({ name }) => name),
    ),
    outputs,
  };
}
