/** Finds the state_dicts in a weights file of any supported format. */
import { parseJson, type Shape, showValue, sizeOf } from "../../tensor/index.js";
import { refuseFile, utf8 } from "./bytes.js";
import { PickleDict, PickleTensor, type PickleValue } from "./pickle-values.js";
import { contiguousStrides, elementBytes, isElementCode, TensorView } from "./tensor-view.js";
import { isLegacyTorch, readTorchLegacy, readTorchZip } from "./torch.js";
import { isZip } from "./zip.js";

/** Tensors by name. */
export interface StateDict {
  /** Keys that lead to it, e.g. `state_dict`; empty where the file itself is one. */
  readonly path: string;
  readonly tensors: ReadonlyMap<string, TensorView>;
}

/** Nesting depth down to which containers are searched: `{"checkpoint": {"model": {...}}}`. */
const deepest = 3;

/**
 * Finds the state_dicts in a .pth, .pt, .bin (torch.save, both formats) or .safetensors file, without reading any
 * tensor yet. Throws PhinetsError when the file is none of these, is damaged, references anything but weights, or holds
 * no tensors.
 */
export function readStateDicts(bytes: Uint8Array, file: string): StateDict[] {
  let found: StateDict[];
  if (isZip(bytes)) found = search(readTorchZip(bytes, file));
  else if (isLegacyTorch(bytes)) found = search(readTorchLegacy(bytes, file));
  else if (isSafetensors(bytes)) found = [readSafetensors(bytes, file)];
  else {
    const kind = bytes[0] === 0x80 ? "a bare pickle" : "no weights file that is known";
    refuseFile(file, `is ${kind}`, "import a .pth of torch.save or a .safetensors");
  }
  if (found.every(({ tensors }) => tensors.size === 0))
    refuseFile(file, "holds no named tensors", "save model.state_dict() and import that");
  return found;
}

function search(root: PickleValue): StateDict[] {
  const found: StateDict[] = [];
  const seen = new Set<PickleDict>();
  const visit = (value: PickleValue, path: readonly string[]): void => {
    if (!(value instanceof PickleDict) || seen.has(value)) return;
    seen.add(value);
    const tensors = new Map<string, TensorView>();
    for (const [key, entry] of value.entries)
      if (typeof key === "string" && entry instanceof PickleTensor) tensors.set(key, entry.view);
    if (tensors.size > 0) found.push({ path: path.join("."), tensors });
    else if (path.length < deepest)
      for (const [key, entry] of value.entries) if (typeof key === "string") visit(entry, [...path, key]);
  };
  visit(root, []);
  return found;
}

/** Whether the file starts with a header length of 8 bytes and then JSON. */
function isSafetensors(bytes: Uint8Array): boolean {
  return bytes.length > 9 && bytes[8] === 0x7b && bytes[6] === 0 && bytes[7] === 0;
}

const longestHeader = 2 ** 26;

/** Like tensor/safetensors, but for every element type, and without reading tensors that nobody requests. */
function readSafetensors(bytes: Uint8Array, file: string): StateDict {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const headerBytes = Number(view.getBigUint64(0, true));
  if (headerBytes > Math.min(longestHeader, bytes.length - 8))
    refuseFile(file, `its header of ${headerBytes} bytes does not fit`);
  let header: unknown;
  try {
    header = parseJson(utf8(bytes.subarray(8, 8 + headerBytes)) ?? "");
  } catch {
    refuseFile(file, "its header is not JSON");
  }
  if (typeof header !== "object" || header === null || Array.isArray(header))
    refuseFile(file, "its header is not an object");
  const data = bytes.subarray(8 + headerBytes);
  const tensors = new Map<string, TensorView>();
  for (const [name, entry] of Object.entries(header as Record<string, unknown>)) {
    if (name === "__metadata__") continue;
    const { dtype, shape, data_offsets: offsets } = (entry ?? {}) as Record<string, unknown>;
    if (!isElementCode(dtype))
      return refuseFile(file, `tensor "${name}" has dtype ${showValue(dtype)}, which is not read`);
    const isList = (list: unknown): list is number[] => Array.isArray(list) && list.length <= 8;
    if (!isList(shape) || !isList(offsets) || ![...shape, ...offsets].every((n) => Number.isSafeInteger(n) && n >= 0))
      return refuseFile(file, `tensor "${name}" has no proper shape and offsets`);
    const [begin, end] = offsets;
    if (!(begin <= end && end <= data.length) || end - begin !== sizeOf(shape as Shape) * elementBytes(dtype))
      refuseFile(
        file,
        `tensor "${name}" of shape [${shape}] cannot be bytes ${showValue(begin)} to ${showValue(end)} of ${data.length}`,
      );
    const storage = { code: dtype, length: sizeOf(shape), bytes: () => data.subarray(begin, end) };
    tensors.set(name, new TensorView(storage, 0, shape, contiguousStrides(shape), file));
  }
  return { path: "", tensors };
}
