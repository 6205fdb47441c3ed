/** Writes .onnx files as other tools do, message by message, including what our own writer never writes. */
import { utf8Encode } from "@phinets/core/tensor";
import { ProtoMessage } from "../packages/core/src/export/onnx/protobuf.js";

type Attribute = number | readonly number[] | string | { readonly float: number } | { readonly constant: Constant };

export interface Constant {
  readonly shape: readonly number[];
  readonly data: Float32Array | readonly number[];
  /** Whether the values are in the type's list instead of raw bytes. */
  readonly listed?: boolean;
  /** Type of integers; default int64. */
  readonly type?: IntegerType;
}

type IntegerType = "int8" | "uint8" | "int16" | "int32" | "int64";
type ElementType = IntegerType | "float32";
const elementTypes = { float32: 1, uint8: 2, int8: 3, int16: 5, int32: 6, int64: 7 } as const;
const arrays = { int8: Int8Array, uint8: Uint8Array, int16: Int16Array, int32: Int32Array } as const;

/** Field numbers of onnx.proto3: see its text. */
function tensor(name: string, { shape, data, listed, type = "int64" }: Constant): ProtoMessage {
  const message = new ProtoMessage();
  for (const size of shape) message.int(1, size);
  const isFloat = data instanceof Float32Array;
  message.int(2, isFloat ? 1 : elementTypes[type]).text(8, name);
  if (!isFloat && listed) for (const value of data) message.int(type === "int64" ? 7 : 5, value);
  else {
    const integers = () => (type === "int64" ? BigInt64Array.from(data, BigInt) : arrays[type].from(data));
    const bytes = new Uint8Array((isFloat ? Float32Array.from(data) : integers()).buffer);
    message.bytes(isFloat && listed ? 4 : 9, bytes);
  }
  return message;
}

function attribute(name: string, value: Attribute): ProtoMessage {
  const message = new ProtoMessage().text(1, name);
  if (typeof value === "number") return message.int(3, value).int(20, 2);
  if (typeof value === "string") return message.bytes(4, utf8Encode(value)).int(20, 3);
  if ("float" in value) return message.float(2, value.float).int(20, 1);
  if ("constant" in value) return message.message(5, tensor("", value.constant)).int(20, 4);
  for (const each of value) message.int(8, each);
  return message.int(20, 7);
}

/** `shape`: a text is a dimension that is not fixed. */
function valueInfo(name: string, shape: readonly (number | string)[], element: ElementType): ProtoMessage {
  const dimensions = new ProtoMessage();
  for (const size of shape)
    dimensions.message(
      1,
      typeof size === "number" ? new ProtoMessage().int(1, size) : new ProtoMessage().text(2, size),
    );
  const type = new ProtoMessage().message(1, new ProtoMessage().int(1, elementTypes[element]).message(2, dimensions));
  return new ProtoMessage().text(1, name).message(2, type);
}

export class OnnxFileBuilder {
  readonly #graph = new ProtoMessage();
  #count = 0;

  /** Adds a node, possibly of another domain as "com.microsoft.QGemm"; returns the name of its first result. */
  node(
    kind: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, Attribute>> = {},
    name = "",
    others: readonly string[] = [],
  ): string {
    const result = name || `/${kind}_${this.#count++}_output_0`;
    this.#add(kind, inputs, [result, ...others], attributes);
    return result;
  }

  /** Adds a node with several results; returns their names. */
  nodes(kind: string, inputs: readonly string[], count: number, attributes: Readonly<Record<string, Attribute>> = {}) {
    const number = this.#count++;
    const results = Array.from({ length: count }, (_, i) => `/${kind}_${number}_output_${i}`);
    this.#add(kind, inputs, results, attributes);
    return results;
  }

  #add(
    kind: string,
    inputs: readonly string[],
    results: readonly string[],
    attributes: Readonly<Record<string, Attribute>>,
  ): void {
    const message = new ProtoMessage();
    for (const input of inputs) message.text(1, input);
    for (const result of results) message.text(2, result);
    const at = kind.lastIndexOf(".");
    message.text(3, results[0]).text(4, kind.slice(at + 1));
    if (at > 0) message.text(7, kind.slice(0, at));
    for (const [key, value] of Object.entries(attributes)) message.message(5, attribute(key, value));
    this.#graph.message(1, message);
  }

  constant(name: string, constant: Constant): string {
    this.#graph.message(5, tensor(name, constant));
    return name;
  }

  input(name: string, shape: readonly (number | string)[], element: ElementType = "float32"): string {
    this.#graph.message(11, valueInfo(name, shape, element));
    return name;
  }

  output(name: string, shape: readonly (number | string)[], element: ElementType = "float32"): void {
    this.#graph.message(12, valueInfo(name, shape, element));
  }

  encode(operatorSet = 13): Uint8Array {
    const operators = new ProtoMessage().text(1, "").int(2, operatorSet);
    const others = new ProtoMessage().text(1, "com.microsoft").int(2, 1);
    return new ProtoMessage()
      .int(1, 8)
      .text(2, "pytorch")
      .message(7, this.#graph)
      .message(8, operators)
      .message(8, others)
      .encode()
      .slice();
  }
}
