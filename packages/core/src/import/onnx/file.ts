/** Reads an .onnx file into nodes, constants, inputs and outputs, without interpreting the operators. */
import { formatShape, PhinetsError, type Shape, sizeOf } from "../../tensor/index.js";
import { fieldsOf, ProtoReader } from "./protobuf.js";
import { dataTypeNames, dataTypes, fields } from "./schema.js";

/** A tensor stored in the file. */
export interface OnnxConstant {
  readonly name: string;
  readonly shape: Shape;
  /** "float32", "int64", ...; "type 99" for a code that ONNX does not define. */
  readonly type: string;
  /** Present for floats that DequantizeLinear made from integers. */
  readonly quantization?: ConstantQuantization;
  /**
   * Values of float32 and float64. Throws PhinetsError for other types, and where their number does not match the
   * shape.
   */
  floats(): Float32Array;
  /** Values of integer types and bool; not exact beyond 2^53. Throws PhinetsError like `floats`. */
  ints(): number[];
}

/** value = scale * (integer - zero point) */
export interface ConstantQuantization {
  /** One, or one per index of `axis`. */
  readonly scales: readonly number[];
  readonly axis: number;
  /** The common zero point in terms of int8; undefined where there are several. */
  readonly zeroPoint?: number;
  /** Type of the integers: "int8", "uint8", "int32". */
  readonly type: string;
}

export interface OnnxNode {
  readonly index: number;
  /** Operator name with its domain: "Conv", "com.microsoft.FusedConv". */
  readonly kind: string;
  /** Names of tensors; "" for an omitted one. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: OnnxAttributes;
}

/** A model's input or output. */
export interface OnnxEnd {
  readonly name: string;
  /** Name of the value outside the network, where it differs. */
  readonly title?: string;
  readonly type: string;
  /** 0 for a size that is not fixed; undefined where the file states no shape. */
  readonly shape?: Shape;
}

export interface OnnxFile {
  readonly file: string;
  readonly nodes: readonly OnnxNode[];
  readonly constants: ReadonlyMap<string, OnnxConstant>;
  readonly inputs: readonly OnnxEnd[];
  readonly outputs: readonly OnnxEnd[];
  readonly metadata: ReadonlyMap<string, string>;
}

/** Attributes by name. The caller supplies the default of an absent one. */
export class OnnxAttributes {
  readonly #attributes: ReadonlyMap<string, ProtoReader>;

  constructor(
    attributes: readonly ProtoReader[],
    /** Integers that are added to, or replace, those of the file. */
    readonly own: ReadonlyMap<string, number> = new Map(),
  ) {
    this.#attributes = new Map(attributes.map((each) => [each.text(fields.attribute.name), each]));
  }

  has(name: string): boolean {
    return this.#attributes.has(name);
  }

  int(name: string, absent: number): number {
    const own = this.own.get(name);
    if (own !== undefined) return own;
    return this.#attributes.get(name)?.int(fields.attribute.int, 0) ?? absent;
  }

  float(name: string, absent: number): number {
    return this.#attributes.get(name)?.float(fields.attribute.float, 0) ?? absent;
  }

  text(name: string, absent: string): string {
    return this.#attributes.get(name)?.text(fields.attribute.text) ?? absent;
  }

  ints(name: string): number[] | undefined {
    return this.#attributes.get(name)?.ints(fields.attribute.ints);
  }

  floats(name: string): number[] | undefined {
    const bytes = this.#attributes.get(name)?.packed(fields.attribute.floats);
    return bytes && Array.from(numbersOf(bytes, 4, (view, at) => view.getFloat32(at, true)));
  }

  tensor(name: string): OnnxConstant | undefined {
    const tensor = this.#attributes.get(name)?.message(fields.attribute.tensor);
    return tensor && constantOf(tensor);
  }
}

/** Most dimensions of a shape; more mean that the file is damaged. */
const mostDimensions = 8;
/** In older operator sets, some of today's inputs are attributes. */
const leastOperatorSet = 13;

/**
 * Whether bytes look like an .onnx file. The format has no magic number, but its first field is a small version and an
 * early field is the graph.
 */
export function isOnnx(bytes: Uint8Array): boolean {
  if (bytes[0] !== 8 || bytes[1] > 127) return false;
  for (const [field, value] of fieldsOf(bytes)) {
    if (field === fields.model.graph) return typeof value !== "bigint";
    if (value === undefined || field > 8) return false;
  }
  return false;
}

/**
 * Reads a file's messages.
 * @param file name for messages
 * @throws PhinetsError `import.onnx` for a file that is not .onnx, has an old operator set, or keeps its weights
 * elsewhere; `import.damaged` for invalid messages
 */
export function readOnnx(bytes: Uint8Array, file: string): OnnxFile {
  const fail = (problem: string): never => {
    throw new PhinetsError("import.onnx", `${file}: ${problem}`, file);
  };
  if (!isOnnx(bytes)) fail("is no .onnx file (it does not begin with a version and a graph); name one");
  const model = new ProtoReader(bytes, file);
  const graph = model.message(fields.model.graph) ?? fail("has no graph; export the network again");
  for (const each of model.messages(fields.model.operatorSets)) {
    const domain = each.text(fields.operatorSet.domain);
    const version = each.int(fields.operatorSet.version);
    if ((domain === "" || domain === "ai.onnx") && version < leastOperatorSet)
      fail(
        `is of operator set ${version}; export it with operator set ${leastOperatorSet} or later (opset_version=${leastOperatorSet})`,
      );
  }
  if (graph.has(fields.graph.sparseConstants)) fail("has sparse weights; export it with dense ones");
  const constants = new Map(
    graph
      .messages(fields.graph.constants)
      .map(constantOf)
      .map((each) => [each.name, each]),
  );
  const nodes = graph.messages(fields.graph.nodes).map((node, index): OnnxNode => {
    const domain = node.text(fields.node.domain);
    const operator = node.text(fields.node.operator).slice(0, 80);
    return {
      index,
      kind: domain === "" || domain === "ai.onnx" ? operator : `${domain.slice(0, 80)}.${operator}`,
      inputs: node.texts(fields.node.inputs),
      outputs: node.texts(fields.node.outputs),
      attributes: new OnnxAttributes(node.messages(fields.node.attributes)),
    };
  });
  const metadata = new Map(
    model
      .messages(fields.model.metadata)
      .map((each) => [each.text(fields.metadata.key), each.text(fields.metadata.value)]),
  );
  // Older files list their constants among the inputs.
  const inputs = graph
    .messages(fields.graph.inputs)
    .map(endOf)
    .filter(({ name }) => !constants.has(name));
  const outputs = graph.messages(fields.graph.outputs).map(endOf);
  return { file, nodes, constants, inputs, outputs, metadata };
}

function endOf(message: ProtoReader): OnnxEnd {
  const name = message.text(fields.value.name);
  const tensor = message.message(fields.value.type)?.message(fields.type.tensor);
  const shape = tensor?.message(fields.tensorType.shape);
  return {
    name,
    type: typeName(tensor?.int(fields.tensorType.element) ?? 0),
    ...(shape && {
      shape: shape
        .messages(fields.shape.dimensions)
        .slice(0, mostDimensions + 1)
        .map((each) => Math.max(0, each.int(fields.dimension.value))),
    }),
  };
}

const typeName = (code: number): string => dataTypeNames[code] ?? `type ${code}`;

function constantOf(message: ProtoReader): OnnxConstant {
  const at = fields.tensor;
  const name = message.text(at.name);
  const shape = message.ints(at.shape);
  const code = message.int(at.type);
  const type = typeName(code);
  const fail = (problem: string): never => {
    throw new PhinetsError(
      "import.onnx",
      `${message.file}: the constant "${name.slice(0, 60)}" ${problem}`,
      message.file,
    );
  };
  if (message.int(at.location) !== 0) {
    const places = message.messages(at.elsewhere);
    const place = places.find((each) => each.text(fields.keyValue.key) === "location")?.text(fields.keyValue.value);
    fail(`lies in another file, ${(place ?? "which is not named").slice(0, 100)}; save the network as one file`);
  }
  if (shape.length > mostDimensions || shape.some((size) => size < 0))
    fail(`has the shape ${formatShape(shape.slice(0, mostDimensions + 1))}; export the network again`);
  const raw = message.bytes(at.bytes);
  const requireSize = <T extends { readonly length: number }>(values: T): T => {
    if (values.length !== sizeOf(shape))
      fail(`has ${values.length} values, its shape ${formatShape(shape)} needs ${sizeOf(shape)}; export it again`);
    return values;
  };
  return {
    ...{ name, shape, type },
    floats() {
      if (type === "float32")
        return requireSize(numbersOf(raw ?? message.packed(at.floats), 4, (view, i) => view.getFloat32(i, true)));
      if (type === "float64")
        return requireSize(numbersOf(raw ?? message.packed(at.doubles), 8, (view, i) => view.getFloat64(i, true)));
      return fail(`is of ${type}; export the network in float32`);
    },
    ints() {
      if (raw === undefined) return requireSize(message.ints(code === dataTypes.int64 ? at.int64s : at.int32s));
      const width =
        { int64: 8, int32: 4, bool: 1, uint8: 1, int8: 1 }[type] ?? fail(`is of ${type}; integers are needed`);
      const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
      const read = (i: number): number =>
        width === 8
          ? Number(view.getBigInt64(i, true))
          : width === 4
            ? view.getInt32(i, true)
            : type === "int8"
              ? view.getInt8(i)
              : view.getUint8(i);
      return requireSize(Array.from({ length: Math.floor(raw.length / width) }, (_, i) => read(width * i)));
    },
  };
}

function numbersOf(bytes: Uint8Array, width: number, read: (view: DataView, at: number) => number): Float32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Float32Array.from({ length: Math.floor(bytes.length / width) }, (_, i) => read(view, width * i));
}
