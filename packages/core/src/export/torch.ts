/**
 * Writes weights as a torch.save file: an OrderedDict of float32 tensors, for `torch.load` and `load_state_dict`.
 * Sources: CPython's Lib/pickletools.py (opcodes), PyTorch's torch/serialization.py (names of the archive's entries).
 */
import { writeZip } from "../networks/index.js";
import { channelsFirstShape, type FloatWeights, type Shape, utf8Encode } from "../tensor/index.js";
import { toOihw } from "./oihw.js";

/** Alignment of storages in PyTorch's files, in bytes. */
const alignment = 64;

/** @param weights by name, convolutions in OHWI; they are written in PyTorch's OIHW */
export function weightsToTorch(weights: FloatWeights): Uint8Array {
  const names = Object.keys(weights);
  const pickle = new Pickle();
  pickle.orderedDict().op("(");
  for (const [key, name] of names.entries()) {
    const { shape, data } = weights[name];
    pickle.text(name).tensor(String(key), data.length, channelsFirstShape(shape));
  }
  const entries = new Map([["archive/data.pkl", pickle.op("u").op(".").bytes()]]);
  for (const [key, name] of names.entries()) {
    const { shape, data } = weights[name];
    entries.set(`archive/data/${key}`, littleEndian(toOihw(data, shape)));
  }
  entries.set("archive/version", utf8Encode("3\n"));
  // PyTorch requests entries by name and ignores others.
  entries.set("archive/phinets", utf8Encode("made by phinets\n"));
  return writeZip(entries, alignment);
}

function littleEndian(values: Float32Array): Uint8Array {
  const view = new DataView(new ArrayBuffer(4 * values.length));
  for (let i = 0; i < values.length; i++) view.setFloat32(4 * i, values[i], true);
  return new Uint8Array(view.buffer);
}

/** A pickle of protocol 2, written from front to back. */
class Pickle {
  readonly #parts: Uint8Array[] = [Uint8Array.of(0x80, 2)];

  /** Appends an opcode of one character. */
  op(code: string): this {
    this.#parts.push(Uint8Array.of(code.charCodeAt(0)));
    return this;
  }

  global(module: string, name: string): this {
    return this.op("c").#raw(utf8Encode(`${module}\n${name}\n`));
  }

  text(value: string): this {
    const bytes = utf8Encode(value);
    return this.op("X").#int32(bytes.length).#raw(bytes);
  }

  int(value: number): this {
    return this.op("J").#int32(value);
  }

  tuple(values: readonly number[]): this {
    this.op("(");
    for (const value of values) this.int(value);
    return this.op("t");
  }

  orderedDict(): this {
    return this.global("collections", "OrderedDict").op(")").op("R");
  }

  /** Appends a contiguous tensor on its own storage. */
  tensor(key: string, elements: number, shape: Shape): this {
    this.global("torch._utils", "_rebuild_tensor_v2").op("(");
    this.op("(").text("storage").global("torch", "FloatStorage").text(key).text("cpu").int(elements).op("t").op("Q");
    this.int(0).tuple(shape).tuple(stridesOf(shape));
    return this.op("\x89").orderedDict().op("t").op("R");
  }

  bytes(): Uint8Array {
    const whole = new Uint8Array(this.#parts.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const part of this.#parts) {
      whole.set(part, at);
      at += part.length;
    }
    return whole;
  }

  #raw(bytes: Uint8Array): this {
    this.#parts.push(bytes);
    return this;
  }

  #int32(value: number): this {
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setInt32(0, value, true);
    return this.#raw(bytes);
  }
}

/** Strides of a contiguous tensor, in elements. */
function stridesOf(shape: Shape): number[] {
  const strides = shape.map(() => 1);
  for (let axis = shape.length - 2; axis >= 0; axis--) strides[axis] = strides[axis + 1] * shape[axis + 1];
  return strides;
}
