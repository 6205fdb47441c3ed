/**
 * safetensors: 8 bytes little-endian header length, JSON header, raw little-endian data. Tensors are laid out in name
 * order, so that equal weights are equal bytes. Source: the format's own README (huggingface/safetensors).
 */
import { PhinetsError } from "./errors.js";
import { bytesPerElement, type DType, sizeOf, type Tensor, tensor, type Weights } from "./tensor.js";
import { utf8Decode, utf8Encode, utf8Length } from "./utf8.js";

const codes: Record<DType, string> = { float32: "F32", int8: "I8", uint8: "U8", int32: "I32" };
const dtypes = Object.fromEntries(Object.entries(codes).map(([dtype, code]) => [code, dtype as DType]));
const longestHeader = 100_000_000;

/** Encodes named tensors. `metadata` goes into the header's `__metadata__`. */
export function encodeSafetensors(weights: Weights, metadata: Readonly<Record<string, string>> = {}): Uint8Array {
  const names = Object.keys(weights).sort();
  const header: Record<string, unknown> = {};
  if (Object.keys(metadata).length > 0) header.__metadata__ = metadata;
  let offset = 0;
  for (const name of names) {
    const { dtype, shape } = weights[name];
    const bytes = sizeOf(shape) * bytesPerElement[dtype];
    header[name] = { dtype: codes[dtype], shape, data_offsets: [offset, offset + bytes] };
    offset += bytes;
  }
  let json = JSON.stringify(header);
  json += " ".repeat((8 - (utf8Length(json) % 8)) % 8);
  const text = utf8Encode(json);
  const file = new Uint8Array(8 + text.length + offset);
  new DataView(file.buffer).setBigUint64(0, BigInt(text.length), true);
  file.set(text, 8);
  let position = 8 + text.length;
  for (const name of names) {
    const { data } = weights[name];
    file.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), position);
    position += data.byteLength;
  }
  return file;
}

/** Decodes a safetensors file. Throws PhinetsError naming `file` and what is wrong; extra dtypes are refused by name. */
export function decodeSafetensors(
  bytes: Uint8Array,
  file = "weights.safetensors",
): { weights: Weights; metadata: Record<string, string> } {
  const fail = (problem: string): never => {
    throw new PhinetsError(
      "tensor.safetensors",
      `${file}: ${problem}; the file is damaged or not safetensors: restore it or make it again`,
      file,
    );
  };
  if (bytes.length < 8) fail(`${bytes.length} bytes are too few for a header`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const headerLength = Number(view.getBigUint64(0, true));
  if (headerLength > longestHeader || 8 + headerLength > bytes.length)
    fail(`header length ${headerLength} does not fit in ${bytes.length} bytes`);
  let header: Record<string, { dtype: string; shape: number[]; data_offsets: [number, number] }>;
  try {
    header = JSON.parse(utf8Decode(bytes.subarray(8, 8 + headerLength)));
  } catch {
    return fail("the header is not JSON");
  }
  if (typeof header !== "object" || header === null || Array.isArray(header)) fail("the header is not an object");
  const { __metadata__: metadata = {}, ...entries } = header as never as Record<string, never> & {
    __metadata__?: Record<string, string>;
  };
  const start = 8 + headerLength;
  const weights: Weights = {};
  for (const [name, entry] of Object.entries(entries) as [
    string,
    { dtype: string; shape: number[]; data_offsets: [number, number] },
  ][]) {
    const dtype = dtypes[entry?.dtype];
    if (dtype === undefined)
      fail(`tensor "${name}" has dtype ${entry?.dtype}; ${Object.keys(dtypes).join(", ")} are read`);
    const validShape = Array.isArray(entry.shape) && entry.shape.every((d) => Number.isInteger(d) && d >= 0);
    const [begin, end] = Array.isArray(entry.data_offsets) ? entry.data_offsets : [Number.NaN, Number.NaN];
    if (!validShape || !(begin >= 0 && end >= begin && start + end <= bytes.length))
      fail(`tensor "${name}" has shape ${entry.shape} at bytes ${begin}..${end} of ${bytes.length - start}`);
    if (end - begin !== sizeOf(entry.shape) * bytesPerElement[dtype])
      fail(
        `tensor "${name}" has ${end - begin} bytes, its shape needs ${sizeOf(entry.shape) * bytesPerElement[dtype]}`,
      );
    // Aligned, and independent of the file (the slice of a Node Buffer would be a view).
    const copy = new Uint8Array(bytes.subarray(start + begin, start + end));
    weights[name] = typed(dtype, entry.shape, copy.buffer);
  }
  return { weights, metadata: metadata as Record<string, string> };
}

function typed(dtype: DType, shape: number[], buffer: ArrayBufferLike): Tensor {
  const data = { float32: Float32Array, int8: Int8Array, uint8: Uint8Array, int32: Int32Array }[dtype];
  return tensor(dtype, shape, new data(buffer as ArrayBuffer));
}
