/**
 * Builds an ONNX model front to back and writes it: nodes of the default operator set, constants, inputs, outputs.
 * Field numbers and enumerations are those of onnx.proto3 (ONNX IR version 8); constants' bytes are little-endian.
 */
import { PhinetsError, type Shape, sizeOf } from "../../tensor/index.js";
import { ProtoMessage } from "./protobuf.js";

/** TensorProto.DataType. */
const dataTypes = { float32: 1, uint8: 2, int8: 3, int32: 6, int64: 7 } as const;
export type OnnxType = keyof typeof dataTypes;

export type OnnxAttribute =
  | { readonly int: number }
  | { readonly float: number }
  | { readonly string: string }
  | { readonly ints: readonly number[] };

/** A tensor at the model's boundary. */
export interface OnnxValue {
  readonly name: string;
  readonly dtype: OnnxType;
  readonly shape: Shape;
}

const irVersion = 8;
/** Reductions take their axes as an input from 18 on. */
const defaultOperatorSet = 18;

export class OnnxModel {
  readonly inputs: OnnxValue[] = [];
  readonly outputs: OnnxValue[] = [];
  readonly #nodes: ProtoMessage[] = [];
  readonly #constants: ProtoMessage[] = [];
  readonly #cache = new Map<string, string>();
  readonly #taken = new Set<string>();
  /** What a reader should know of the model: keys and values of its own. */
  readonly metadata: Record<string, string> = {};

  /** @param reserved names of inputs and outputs to come, which no tensor in between may take */
  constructor(
    readonly name: string,
    reserved: readonly string[] = [],
  ) {
    for (const each of reserved) this.#taken.add(each);
  }

  #unique(preferredName: string): string {
    let name = preferredName;
    for (let n = 2; this.#taken.has(name); n++) name = `${preferredName}/${n}`;
    this.#taken.add(name);
    return name;
  }

  input(name: string, shape: Shape, dtype: OnnxType = "float32"): string {
    this.#taken.add(name);
    this.inputs.push({ name, dtype, shape });
    return name;
  }

  /** Declares that a node's result leaves the model. */
  output(name: string, shape: Shape, dtype: OnnxType = "float32"): void {
    this.outputs.push({ name, dtype, shape });
  }

  /**
   * Adds a node with one result and returns the result's name.
   * @param preferredName what the result should be called; made unique
   */
  node(
    op: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, OnnxAttribute>> = {},
    preferredName = op,
  ): string {
    return this.#node(op, inputs, attributes, this.#unique(preferredName));
  }

  /** A node whose result has a reserved name: an output of the model. */
  result(op: string, inputs: readonly string[], attributes: Readonly<Record<string, OnnxAttribute>>, name: string) {
    return this.#node(op, inputs, attributes, name);
  }

  #node(
    op: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, OnnxAttribute>>,
    result: string,
  ): string {
    const message = new ProtoMessage();
    for (const input of inputs) message.text(1, input);
    message.text(2, result).text(3, result).text(4, op);
    for (const [key, value] of Object.entries(attributes)) message.message(5, attribute(key, value));
    this.#nodes.push(message);
    return result;
  }

  constant(
    preferredName: string,
    shape: Shape,
    data: Float32Array | Int8Array | Uint8Array | Int32Array | BigInt64Array,
  ): string {
    const dtype =
      data instanceof Float32Array
        ? "float32"
        : data instanceof Int8Array
          ? "int8"
          : data instanceof Uint8Array
            ? "uint8"
            : data instanceof Int32Array
              ? "int32"
              : "int64";
    if (data.length !== sizeOf(shape))
      throw new PhinetsError(
        "onnx.constant",
        `"${preferredName}" has ${data.length} elements, its shape [${shape}] needs others`,
      );
    const name = this.#unique(preferredName);
    const message = new ProtoMessage();
    for (const dimension of shape) message.int(1, dimension);
    message.int(2, dataTypes[dtype]).text(8, name);
    this.#constants.push(message.bytes(9, new Uint8Array(data.buffer, data.byteOffset, data.byteLength)));
    return name;
  }

  /** A float32 scalar; equal ones are one constant. */
  scalar(value: number): string {
    return this.#once(`scalar ${value}`, () => this.constant(`c:${value}`, [], Float32Array.of(value)));
  }

  /** An int64 vector: axes, shapes, slices; equal ones are one constant. */
  int64s(values: readonly number[]): string {
    const preferredName = `i:${values.join(",")}`;
    return this.#once(preferredName, () =>
      this.constant(preferredName, [values.length], BigInt64Array.from(values, BigInt)),
    );
  }

  #once(key: string, make: () => string): string {
    const name = this.#cache.get(key) ?? make();
    this.#cache.set(key, name);
    return name;
  }

  /** The file's bytes. */
  encode(operatorSet = defaultOperatorSet): Uint8Array {
    const graph = new ProtoMessage();
    for (const node of this.#nodes) graph.message(1, node);
    graph.text(2, this.name);
    for (const constant of this.#constants) graph.message(5, constant);
    for (const value of this.inputs) graph.message(11, valueInfo(value));
    for (const value of this.outputs) graph.message(12, valueInfo(value));
    const operators = new ProtoMessage().text(1, "").int(2, operatorSet);
    const model = new ProtoMessage().int(1, irVersion).text(2, "phinets").message(7, graph).message(8, operators);
    for (const [key, value] of Object.entries(this.metadata))
      model.message(14, new ProtoMessage().text(1, key).text(2, value));
    return model.encode();
  }
}

/** AttributeProto: the value's field and, in field 20, its type. */
function attribute(name: string, value: OnnxAttribute): ProtoMessage {
  const message = new ProtoMessage().text(1, name);
  if ("float" in value) return message.float(2, value.float).int(20, 1);
  if ("int" in value) return message.int(3, value.int).int(20, 2);
  if ("string" in value) return message.text(4, value.string).int(20, 3);
  for (const each of value.ints) message.int(8, each);
  return message.int(20, 7);
}

function valueInfo({ name, dtype, shape }: OnnxValue): ProtoMessage {
  const dimensions = new ProtoMessage();
  for (const dimension of shape) dimensions.message(1, new ProtoMessage().int(1, dimension));
  const tensor = new ProtoMessage().int(1, dataTypes[dtype]).message(2, dimensions);
  return new ProtoMessage().text(1, name).message(2, new ProtoMessage().message(1, tensor));
}
