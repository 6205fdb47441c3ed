/**
 * Builds an ONNX model from front to back and encodes it: nodes of the default operator set, constants, inputs and
 * outputs. Constants are little-endian.
 */
import { attributeTypes, dataTypes, fields } from "../../import/onnx/schema.js";
import { PhinetsError, type Shape, sizeOf } from "../../tensor/index.js";
import { ProtoMessage } from "./protobuf.js";

export type OnnxType = keyof typeof dataTypes;

export type OnnxAttribute =
  | { readonly int: number }
  | { readonly float: number }
  | { readonly string: string }
  | { readonly ints: readonly number[] };

/** A tensor that enters or leaves the model. */
export interface OnnxValue {
  readonly name: string;
  readonly dtype: OnnxType;
  readonly shape: Shape;
}

const irVersion = 8;
/** From 18 on, reductions take their axes as an input. */
const defaultOperatorSet = 18;

export class OnnxModel {
  readonly inputs: OnnxValue[] = [];
  readonly outputs: OnnxValue[] = [];
  readonly #nodes: ProtoMessage[] = [];
  readonly #constants: ProtoMessage[] = [];
  readonly #cache = new Map<string, string>();
  readonly #taken = new Set<string>();
  /** Information about the model: keys and values of the caller's choice. */
  readonly metadata: Record<string, string> = {};

  /** @param reserved names of inputs and outputs to come, which no inner tensor may take */
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

  /** Declares a node's result an output of the model. */
  output(name: string, shape: Shape, dtype: OnnxType = "float32"): void {
    this.outputs.push({ name, dtype, shape });
  }

  /**
   * Adds a node with one result and returns the result's name.
   * @param preferredName name for the result, made unique
   */
  node(
    op: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, OnnxAttribute>> = {},
    preferredName = op,
  ): string {
    return this.#node(op, inputs, attributes, this.#unique(preferredName));
  }

  /** Adds a node whose result has a reserved name, for an output of the model. */
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
    const at = fields.node;
    for (const input of inputs) message.text(at.inputs, input);
    message.text(at.outputs, result).text(at.name, result).text(at.operator, op);
    for (const [key, value] of Object.entries(attributes)) message.message(at.attributes, attribute(key, value));
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
    const at = fields.tensor;
    for (const dimension of shape) message.int(at.shape, dimension);
    message.int(at.type, dataTypes[dtype]).text(at.name, name);
    this.#constants.push(message.bytes(at.bytes, new Uint8Array(data.buffer, data.byteOffset, data.byteLength)));
    return name;
  }

  /** A float32 scalar; equal scalars share one constant. */
  scalar(value: number): string {
    return this.#once(`scalar ${value}`, () => this.constant(`c:${value}`, [], Float32Array.of(value)));
  }

  /** An int64 vector for axes, shapes and slices; equal vectors share one constant. */
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
    const at = fields.graph;
    for (const node of this.#nodes) graph.message(at.nodes, node);
    graph.text(at.name, this.name);
    for (const constant of this.#constants) graph.message(at.constants, constant);
    for (const value of this.inputs) graph.message(at.inputs, valueInfo(value));
    for (const value of this.outputs) graph.message(at.outputs, valueInfo(value));
    const operators = new ProtoMessage()
      .text(fields.operatorSet.domain, "")
      .int(fields.operatorSet.version, operatorSet);
    const model = new ProtoMessage()
      .int(fields.model.irVersion, irVersion)
      .text(fields.model.producer, "phinets")
      .message(fields.model.graph, graph)
      .message(fields.model.operatorSets, operators);
    for (const [key, value] of Object.entries(this.metadata)) {
      const entry = new ProtoMessage().text(fields.metadata.key, key).text(fields.metadata.value, value);
      model.message(fields.model.metadata, entry);
    }
    return model.encode();
  }
}

/** Encodes an AttributeProto: the value and its type. */
function attribute(name: string, value: OnnxAttribute): ProtoMessage {
  const at = fields.attribute;
  const message = new ProtoMessage().text(at.name, name);
  if ("float" in value) return message.float(at.float, value.float).int(at.type, attributeTypes.float);
  if ("int" in value) return message.int(at.int, value.int).int(at.type, attributeTypes.int);
  if ("string" in value) return message.text(at.text, value.string).int(at.type, attributeTypes.text);
  for (const each of value.ints) message.int(at.ints, each);
  return message.int(at.type, attributeTypes.ints);
}

function valueInfo({ name, dtype, shape }: OnnxValue): ProtoMessage {
  const dimensions = new ProtoMessage();
  for (const dimension of shape)
    dimensions.message(fields.shape.dimensions, new ProtoMessage().int(fields.dimension.value, dimension));
  const tensor = new ProtoMessage()
    .int(fields.tensorType.element, dataTypes[dtype])
    .message(fields.tensorType.shape, dimensions);
  const type = new ProtoMessage().message(fields.type.tensor, tensor);
  return new ProtoMessage().text(fields.value.name, name).message(fields.value.type, type);
}
