/** Collects a .tflite model with one subgraph, and encodes it. */

import { identifier, type Operator, operators, schemaVersion, slots, tensorTypes } from "../../import/tflite/schema.js";
import { type Shape, sizeOf, utf8Encode } from "../../tensor/index.js";
import { type Field, FlatBufferWriter, type Reference } from "./flatbuffer.js";

/** real = scale * (q - zeroPoint); weights may have one scale per index of `dimension`. */
export interface TensorQuantization {
  readonly scales: readonly number[];
  readonly zeroPoint: number;
  /** Default 0. */
  readonly dimension?: number;
}

interface TfliteTensor {
  readonly name: string;
  readonly shape: Shape;
  readonly type: keyof typeof tensorTypes;
  readonly quantization?: TensorQuantization;
  readonly data?: Uint8Array;
}

interface TfliteOperator {
  readonly operator: Operator;
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
  readonly options: (writer: FlatBufferWriter) => Record<number, Field>;
}

/** Index of a tensor. */
export type TensorIndex = number;

export class TfliteModel {
  readonly #tensors: TfliteTensor[] = [];
  readonly #operators: TfliteOperator[] = [];
  /** Information about the model: texts by names of the caller's choice. */
  readonly metadata: Record<string, string> = {};

  constructor(readonly name: string) {}

  /** Adds a value that the model computes: int8 with quantisation, float32 without. */
  value(name: string, shape: Shape, quantization?: TensorQuantization): TensorIndex {
    return this.#tensors.push({ name, shape, type: quantization ? "int8" : "float32", quantization }) - 1;
  }

  /** Adds an int32 value that the model computes. */
  integers(name: string, shape: Shape): TensorIndex {
    return this.#tensors.push({ name, shape, type: "int32" }) - 1;
  }

  constant(
    name: string,
    shape: Shape,
    data: Int8Array | Int32Array | Float32Array,
    quantization?: TensorQuantization,
  ): TensorIndex {
    if (data.length !== sizeOf(shape))
      throw new Error(`tflite: constant "${name}" has ${data.length} elements, not those of [${shape}]`);
    const view = new DataView(new ArrayBuffer(data.byteLength));
    if (data instanceof Int8Array) new Int8Array(view.buffer).set(data);
    else if (data instanceof Int32Array) for (let i = 0; i < data.length; i++) view.setInt32(4 * i, data[i], true);
    else for (let i = 0; i < data.length; i++) view.setFloat32(4 * i, data[i], true);
    const type = data instanceof Int8Array ? "int8" : data instanceof Int32Array ? "int32" : "float32";
    return this.#tensors.push({ name, shape, type, quantization, data: new Uint8Array(view.buffer) }) - 1;
  }

  /** Adds the operator that makes one or several tensors; returns these. */
  operator<O extends TensorIndex | readonly TensorIndex[]>(
    operator: Operator,
    inputs: readonly TensorIndex[],
    output: O,
    options: TfliteOperator["options"] = () => ({}),
  ): O {
    const outputs: readonly TensorIndex[] = typeof output === "number" ? [output] : output;
    this.#operators.push({ operator, inputs, outputs, options });
    return output;
  }

  /** The file's bytes. */
  encode(inputs: readonly TensorIndex[], outputs: readonly TensorIndex[]): Uint8Array {
    const writer = new FlatBufferWriter();
    const codes = [...new Set(this.#operators.map(({ operator }) => operator))];
    // Buffer 0 is empty and serves all tensors without data.
    const data: (Uint8Array | undefined)[] = [undefined];
    const tensors = this.#tensors.map((tensor) => {
      const buffer = tensor.data === undefined ? 0 : data.push(tensor.data) - 1;
      return writeTensor(writer, tensor, buffer);
    });
    const metadata = Object.entries(this.metadata).map(([name, text]) => {
      const buffer = data.push(utf8Encode(text)) - 1;
      return writer.table({
        [slots.metadata.name]: { reference: writer.text(name) },
        [slots.metadata.buffer]: { int32: buffer },
      });
    });
    const subgraph = writer.table({
      [slots.subgraph.tensors]: { reference: writer.references(tensors) },
      [slots.subgraph.inputs]: { reference: writer.int32s(inputs) },
      [slots.subgraph.outputs]: { reference: writer.int32s(outputs) },
      [slots.subgraph.operators]: {
        reference: writer.references(this.#operators.map((each) => writeOperator(writer, each, codes))),
      },
      [slots.subgraph.name]: { reference: writer.text("main") },
    });
    const buffers = data.map((bytes) =>
      writer.table(bytes === undefined ? {} : { [slots.buffer.data]: { reference: writer.bytes(bytes, 16) } }),
    );
    const model = writer.table({
      [slots.model.version]: { int32: schemaVersion },
      [slots.model.operatorCodes]: { reference: writer.references(codes.map((code) => writeCode(writer, code))) },
      [slots.model.subgraphs]: { reference: writer.references([subgraph]) },
      [slots.model.description]: { reference: writer.text(`${this.name}, written by phinets`) },
      [slots.model.buffers]: { reference: writer.references(buffers) },
      [slots.model.metadata]: { reference: writer.references(metadata) },
    });
    return writer.finish(model, identifier);
  }
}

function writeTensor(
  writer: FlatBufferWriter,
  { name, shape, type, quantization }: TfliteTensor,
  buffer: number,
): Reference {
  return writer.table({
    [slots.tensor.shape]: { reference: writer.int32s(shape) },
    [slots.tensor.type]: { byte: tensorTypes[type] },
    [slots.tensor.buffer]: { int32: buffer },
    [slots.tensor.name]: { reference: writer.text(name) },
    [slots.tensor.quantization]: quantization && { reference: writeQuantization(writer, quantization) },
  });
}

function writeQuantization(
  writer: FlatBufferWriter,
  { scales, zeroPoint, dimension = 0 }: TensorQuantization,
): Reference {
  return writer.table({
    [slots.quantization.scale]: { reference: writer.float32s(scales) },
    [slots.quantization.zeroPoint]: { reference: writer.int64s(scales.map(() => zeroPoint)) },
    [slots.quantization.quantizedDimension]: { int32: dimension },
  });
}

function writeCode(writer: FlatBufferWriter, operator: Operator): Reference {
  const { code, version } = operators[operator];
  return writer.table({
    [slots.operatorCode.deprecatedBuiltinCode]: { byte: code },
    [slots.operatorCode.version]: { int32: version },
    [slots.operatorCode.builtinCode]: { int32: code },
  });
}

function writeOperator(
  writer: FlatBufferWriter,
  { operator, inputs, outputs, options }: TfliteOperator,
  codes: readonly Operator[],
): Reference {
  const type = operators[operator].options;
  const table = type === 0 ? undefined : writer.table(options(writer));
  return writer.table({
    [slots.operator.opcodeIndex]: { int32: codes.indexOf(operator) },
    [slots.operator.inputs]: { reference: writer.int32s(inputs) },
    [slots.operator.outputs]: { reference: writer.int32s(outputs) },
    [slots.operator.optionsType]: { byte: type },
    [slots.operator.options]: table && { reference: table },
  });
}
