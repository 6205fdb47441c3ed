/** Reads a .tflite file into the tensors and operators of its one subgraph, without interpreting the operators. */
import { formatShape, PhinetsError, type Shape } from "../../tensor/index.js";
import { FlatBufferTable } from "./flatbuffer.js";
import { builtinNames, identifier, slots, tensorTypeNames } from "./schema.js";

/** A tensor. */
export interface TfliteTensor {
  readonly index: number;
  readonly name: string;
  readonly shape: Shape;
  /** The shape with -1 for sizes that are not fixed, where the file states it. */
  readonly signature?: Shape;
  /** "int8", "float32", ...; "type 99" for a code that the schema does not define. */
  readonly type: string;
  /** Empty for a tensor that is not quantised. */
  readonly scales: readonly number[];
  readonly zeroPoints: readonly number[];
  /** Dimension that several scales belong to. */
  readonly dimension: number;
  /** Bytes of a constant, little endian as in the file. */
  readonly data?: Uint8Array;
  /** Whether the tensor keeps its value between runs. */
  readonly variable: boolean;
}

/** An operator. Inputs and outputs are indices of tensors, -1 for an omitted input. */
export interface TfliteOperator {
  readonly index: number;
  /** Operator name: "CONV_2D", "CUSTOM TFLite_Detection_PostProcess". */
  readonly kind: string;
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
  readonly options?: FlatBufferTable;
}

export interface TfliteFile {
  readonly file: string;
  readonly description: string;
  readonly tensors: readonly TfliteTensor[];
  readonly operators: readonly TfliteOperator[];
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
  readonly metadata: ReadonlyMap<string, Uint8Array>;
}

/** Whether bytes are a .tflite file. */
export function isTflite(bytes: Uint8Array): boolean {
  return String.fromCharCode(...bytes.subarray(4, 8)) === identifier;
}

/** Most dimensions of a shape; more mean that the file is damaged. */
const mostDimensions = 8;

/**
 * Reads a file's tables.
 * @param file name for messages
 * @throws PhinetsError `import.tflite` for a file that is not .tflite, has several subgraphs or is inconsistent;
 * `import.damaged` for offsets outside the file
 */
export function readTflite(bytes: Uint8Array, file: string): TfliteFile {
  const fail = (problem: string): never => {
    throw new PhinetsError("import.tflite", `${file}: ${problem}`, file);
  };
  if (!isTflite(bytes)) fail("is no .tflite file (TFL3 is missing in its first 8 bytes); name one");
  const model = FlatBufferTable.root(bytes, file);
  const codes = model.tables(slots.model.operatorCodes).map(kindOf);
  const subgraphs = model.tables(slots.model.subgraphs);
  if (subgraphs.length !== 1)
    fail(`has ${subgraphs.length} subgraphs, and networks of one can be imported; convert it without control flow`);
  const [subgraph] = subgraphs;
  const buffers = model.tables(slots.model.buffers).map(dataOf);
  const tensors = subgraph.tables(slots.subgraph.tensors).map((table, index): TfliteTensor => {
    const given = table.int32s(slots.tensor.shape);
    const name = table.text(slots.tensor.name);
    if (given.length > mostDimensions || given.some((size) => size < -1))
      fail(`tensor ${index} "${name}" has the shape ${formatShape(given)}; convert the network again`);
    const said = table.int32s(slots.tensor.shapeSignature);
    const signature = said.length === given.length ? said : given;
    // Converters write 1 for a size that is not fixed.
    const shape = given.map((size) => (size === -1 ? 1 : size));
    const quantization = table.table(slots.tensor.quantization);
    const type = table.byte(slots.tensor.type);
    return {
      ...{ index, name, shape },
      ...(signature.includes(-1) && { signature }),
      type: tensorTypeNames[type] ?? `type ${type}`,
      scales: quantization?.float32s(slots.quantization.scale) ?? [],
      zeroPoints: quantization?.int64s(slots.quantization.zeroPoint) ?? [],
      dimension: quantization?.int32(slots.quantization.quantizedDimension) ?? 0,
      data: buffers[table.int32(slots.tensor.buffer)],
      variable: table.byte(slots.tensor.isVariable) !== 0,
    };
  });
  const operators = subgraph.tables(slots.subgraph.operators).map((table, index): TfliteOperator => {
    const code = table.int32(slots.operator.opcodeIndex);
    return {
      index,
      kind: codes[code] ?? fail(`operator ${index} has the code ${code} of ${codes.length}; convert the network again`),
      inputs: table.int32s(slots.operator.inputs),
      outputs: table.int32s(slots.operator.outputs),
      options: table.table(slots.operator.options),
    };
  });
  const inputs = subgraph.int32s(slots.subgraph.inputs);
  const outputs = subgraph.int32s(slots.subgraph.outputs);
  const known = (index: number) => Number.isInteger(index) && index >= 0 && index < tensors.length;
  for (const operator of operators) {
    const stray =
      operator.inputs.find((each) => each !== -1 && !known(each)) ?? operator.outputs.find((each) => !known(each));
    if (stray !== undefined)
      fail(`operator ${operator.index} ${operator.kind} names tensor ${stray} of ${tensors.length}; convert it again`);
  }
  const stray = [...inputs, ...outputs].find((each) => !known(each));
  if (stray !== undefined) fail(`names tensor ${stray} of ${tensors.length} as its input or output; convert it again`);
  const metadata = new Map(
    model.tables(slots.model.metadata).flatMap((table): [string, Uint8Array][] => {
      const data = buffers[table.int32(slots.metadata.buffer)];
      return data === undefined ? [] : [[table.text(slots.metadata.name), data]];
    }),
  );
  return { file, description: model.text(slots.model.description), tensors, operators, inputs, outputs, metadata };
}

/** The operator's name; a newer field holds codes that exceed the older one of a byte. */
function kindOf(table: FlatBufferTable): string {
  const code = Math.max(
    table.byte(slots.operatorCode.deprecatedBuiltinCode),
    table.int32(slots.operatorCode.builtinCode),
  );
  const name = builtinNames[code] ?? `operator code ${code}`;
  return name === "CUSTOM" ? `CUSTOM ${table.text(slots.operatorCode.customCode).slice(0, 80)}` : name;
}

function dataOf(table: FlatBufferTable): Uint8Array | undefined {
  const inside = table.bytes(slots.buffer.data);
  if (inside !== undefined && inside.length > 0) return inside;
  const offset = table.uint64(slots.buffer.offset);
  const size = table.uint64(slots.buffer.size);
  return offset > 1 && size > 0 ? table.outside(offset, size) : undefined;
}
