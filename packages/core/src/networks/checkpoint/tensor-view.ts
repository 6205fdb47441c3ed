/** Tensors inside a weights file: described, bounds-checked, and read only on request. */
import { type Shape, sizeOf } from "../../tensor/index.js";
import { refuseFile } from "./bytes.js";

/** Element types, by safetensors' codes. */
export type ElementCode = "F64" | "F32" | "F16" | "BF16" | "I64" | "I32" | "I16" | "I8" | "U8" | "BOOL";

const elements: Readonly<Record<ElementCode, readonly [bytes: number, read: (view: DataView, at: number) => number]>> =
  {
    F64: [8, (view, at) => view.getFloat64(at, true)],
    F32: [4, (view, at) => view.getFloat32(at, true)],
    F16: [2, (view, at) => halfToNumber(view.getUint16(at, true))],
    BF16: [2, (view, at) => bfloat16ToNumber(view.getUint16(at, true))],
    I64: [8, (view, at) => Number(view.getBigInt64(at, true))],
    I32: [4, (view, at) => view.getInt32(at, true)],
    I16: [2, (view, at) => view.getInt16(at, true)],
    I8: [1, (view, at) => view.getInt8(at)],
    U8: [1, (view, at) => view.getUint8(at)],
    BOOL: [1, (view, at) => view.getUint8(at)],
  };

export function isElementCode(code: unknown): code is ElementCode {
  return typeof code === "string" && Object.hasOwn(elements, code);
}

export function elementBytes(code: ElementCode): number {
  return elements[code][0];
}

/** A contiguous run of elements in the file. */
export interface Storage {
  readonly code: ElementCode;
  /** Number of elements. */
  readonly length: number;
  /** The elements' bytes. Throws PhinetsError when they are damaged or missing. */
  bytes(): Uint8Array;
}

const mostAxes = 8;

/** A strided tensor over a storage. */
export class TensorView {
  /** Throws PhinetsError where the view exceeds its storage. All numbers count elements. */
  constructor(
    readonly storage: Storage,
    readonly offset: number,
    readonly shape: Shape,
    readonly strides: readonly number[],
    file: string,
  ) {
    const valid =
      shape.length <= mostAxes && strides.length === shape.length && [offset, ...shape, ...strides].every(isCount);
    const last = valid ? shape.reduce((sum, size, axis) => sum + (size - 1) * strides[axis], offset) : 0;
    if (!valid || (sizeOf(shape) > 0 && !(last < storage.length))) {
      refuseFile(
        file,
        `a tensor of shape [${shape.slice(0, mostAxes)}], strides [${strides.slice(0, mostAxes)}] from element ${offset} does not lie in its storage of ${storage.length}`,
      );
    }
  }

  get code(): ElementCode {
    return this.storage.code;
  }

  /**
   * The elements as float32, in row-major order of the axes that `order` lists, outermost first. The caller must check
   * the shape first, since strides of 0 allow any size on any storage.
   */
  read(order: readonly number[]): Float32Array {
    const out = new Float32Array(sizeOf(this.shape));
    if (out.length === 0) return out;
    const bytes = this.storage.bytes();
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const [width, element] = elements[this.storage.code];
    const sizes = order.map((axis) => this.shape[axis]);
    const steps = order.map((axis) => this.strides[axis] * width);
    const index = new Array<number>(order.length).fill(0);
    let at = this.offset * width;
    for (let i = 0; i < out.length; i++) {
      out[i] = element(view, at);
      for (let axis = index.length - 1; axis >= 0; axis--) {
        at += steps[axis];
        if (++index[axis] < sizes[axis]) break;
        at -= steps[axis] * sizes[axis];
        index[axis] = 0;
      }
    }
    return out;
  }
}

/** Strides of a row-major tensor. */
export function contiguousStrides(shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  let stride = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = stride;
    stride *= shape[axis];
  }
  return strides;
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** IEEE 754 binary16. */
function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25));
}

const scratch = new DataView(new ArrayBuffer(4));

function bfloat16ToNumber(bits: number): number {
  scratch.setUint32(0, bits << 16);
  return scratch.getFloat32(0);
}
