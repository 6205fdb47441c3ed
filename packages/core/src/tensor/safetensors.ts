/**
 * safetensors: an 8-byte little-endian header length, a JSON header, raw little-endian data. Tensors are stored in name
 * order, so that equal weights give equal bytes. Source: the format's README (huggingface/safetensors).
 */
import { requireLittleEndian } from "./endianness.js";
import { PhinetsError } from "./errors.js";
import { parseJson, showValue } from "./json.js";
import { bytesPerElement, type DType, sizeOf, type Tensor, tensor, type Weights } from "./tensor.js";
import { utf8Decode, utf8Encode, utf8Length } from "./utf8.js";

const codes: Record<DType, string> = { float32: "F32", int8: "I8", uint8: "U8", int32: "I32" };
const dtypes = Object.fromEntries(Object.entries(codes).map(([dtype, code]) => [code, dtype as DType]));
const longestHeader = 100_000_000;

/** Encodes named tensors. `metadata` goes into the header's `__metadata__`. */
export function encodeSafetensors(weights: Weights, metadata: Readonly<Record<string, string>> = {}): Uint8Array {
  requireLittleEndian();
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

/**
 * Decodes a safetensors file. Throws PhinetsError naming `file` and the problem; unsupported dtypes are refused by
 * name.
 */
export function decodeSafetensors(
  bytes: Uint8Array,
  file = "weights.safetensors",
): { weights: Weights; metadata: Record<string, string> } {
  requireLittleEndian();
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
  let header: unknown;
  try {
    header = parseJson(utf8Decode(bytes.subarray(8, 8 + headerLength)));
  } catch (error) {
    const { code, message } = error as PhinetsError;
    return fail(code === "json.depth" ? `in the header ${message}` : "the header is not JSON");
  }
  if (typeof header !== "object" || header === null || Array.isArray(header))
    return fail("the header is not an object");
  const { __metadata__, ...entries } = header as Record<string, unknown>;
  const metadata = metadataOf(__metadata__, fail);
  const start = 8 + headerLength;
  // No prototype: otherwise every file would seem to have a tensor named "constructor".
  const weights: Weights = Object.create(null);
  let taken = 0;
  for (const [name, entry] of Object.entries(entries)) {
    const { dtype: code, shape, data_offsets: offsets } = (entry ?? {}) as Record<string, unknown>;
    // Assigning to __proto__ would set the object's prototype instead of storing the tensor.
    if (name === "__proto__") fail("a tensor has the name __proto__");
    if (typeof code !== "string" || !Object.hasOwn(dtypes, code))
      return fail(`tensor "${name}" has dtype ${showValue(code)}; ${Object.keys(dtypes).join(", ")} are read`);
    const dtype = dtypes[code];
    const isSizes = (list: unknown): list is number[] =>
      Array.isArray(list) && list.every((n) => Number.isSafeInteger(n) && n >= 0);
    const [begin, end] = isSizes(offsets) && offsets.length === 2 ? offsets : [Number.NaN, Number.NaN];
    if (!isSizes(shape) || !(end >= begin && start + end <= bytes.length))
      return fail(
        `tensor "${name}" has shape ${showValue(shape)} at bytes ${begin}..${end} of ${bytes.length - start}`,
      );
    if (end - begin !== sizeOf(shape) * bytesPerElement[dtype])
      fail(`tensor "${name}" has ${end - begin} bytes, its shape needs ${sizeOf(shape) * bytesPerElement[dtype]}`);
    // Tensors that share bytes could take more memory than the file.
    taken += end - begin;
    if (taken > bytes.length - start) fail(`tensor "${name}" overlaps another`);
    // A copy is aligned and independent of the file (the slice of a Node Buffer would be a view).
    const copy = new Uint8Array(bytes.subarray(start + begin, start + end));
    weights[name] = typed(dtype, shape, copy.buffer);
  }
  return { weights, metadata };
}

/** String metadata by name. Some writers store null, which counts as none. */
function metadataOf(value: unknown, fail: (problem: string) => never): Record<string, string> {
  if (value === undefined || value === null) return {};
  if (typeof value !== "object" || Array.isArray(value)) fail(`__metadata__ is ${showValue(value)}, not named texts`);
  for (const [name, text] of Object.entries(value))
    if (typeof text !== "string") fail(`__metadata__.${name} is ${showValue(text)}, not a text`);
  return value as Record<string, string>;
}

function typed(dtype: DType, shape: number[], buffer: ArrayBufferLike): Tensor {
  const data = { float32: Float32Array, int8: Int8Array, uint8: Uint8Array, int32: Int32Array }[dtype];
  return tensor(dtype, shape, new data(buffer as ArrayBuffer));
}
