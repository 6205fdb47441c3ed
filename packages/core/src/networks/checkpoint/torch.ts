/**
 * Reads torch.save files: zip archives (PyTorch 1.6 and later) and the older sequence of pickles. Source:
 * torch/serialization.py. Even older tar archives (before 0.1.11) and whole-module files are refused.
 */
import { ByteReader, refuseFile } from "./bytes.js";
import { storageCode } from "./pickle-names.js";
import { PickleDict, PickleGlobal, PickleList, PickleStorage, type PickleValue } from "./pickle-values.js";
import { type ElementCode, elementBytes, type Storage } from "./tensor-view.js";
import { type PersistentLoad, unpickle } from "./unpickle.js";
import { checkedBytes, readZip } from "./zip.js";

/** The object in a torch.save file of the zip format. */
export function readTorchZip(bytes: Uint8Array, file: string): PickleValue {
  const entries = readZip(bytes, file);
  const pickle = [...entries.values()].find(({ name }) => /^[^/]+\/data\.pkl$/.test(name));
  if (pickle === undefined)
    return refuseFile(
      file,
      "the archive has no data.pkl",
      "it is not of torch.save; import a .pth, .pt or .safetensors",
    );
  const root = pickle.name.slice(0, -"data.pkl".length);
  const order = entries.get(`${root}byteorder`);
  if (order !== undefined && String.fromCharCode(...order.bytes.subarray(0, 16)).trim() !== "little")
    refuseFile(file, "its numbers are big-endian", "save it again on a little-endian machine");
  const storages = new Map<string, FileStorage>();
  const load = persistentLoader(file, storages, (storage) => {
    const entry = entries.get(`${root}data/${storage.key}`);
    if (entry === undefined) return refuseFile(file, `storage ${storage.key} is missing from the archive`);
    const needed = storage.length * elementBytes(storage.code);
    if (entry.bytes.length < needed)
      refuseFile(
        file,
        `storage ${storage.key} has ${entry.bytes.length} bytes, its ${storage.length} elements need ${needed}`,
      );
    return () => checkedBytes(entry, file);
  });
  return unpickle(new ByteReader(checkedBytes(pickle, file), file), load);
}

/** The value of the older format's first pickle. */
const magic = 0x1950a86a20f9469cfc6cn;

/** True for a file that starts with the older format's first pickle. */
export function isLegacyTorch(bytes: Uint8Array): boolean {
  const start = [0x80, 2, 0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, 0x2e];
  return start.every((byte, i) => i === 1 || bytes[i] === byte);
}

/** The object in a torch.save file of the older format: pickles, then the storages one after the other. */
export function readTorchLegacy(bytes: Uint8Array, file: string): PickleValue {
  const reader = new ByteReader(bytes, file);
  if (unpickle(reader) !== magic) refuseFile(file, "it does not start as torch.save's files do");
  const protocol = unpickle(reader);
  if (protocol !== 1001) refuseFile(file, "its protocol is not 1001");
  const system = unpickle(reader);
  if (!(system instanceof PickleDict) || system.entries.get("little_endian") !== true)
    refuseFile(file, "its numbers are not little-endian", "save it again on a little-endian machine");
  const data = new Map<string, Uint8Array>();
  const storages = new Map<string, FileStorage>();
  const load = persistentLoader(file, storages, ({ key }) => () => {
    const found = data.get(key);
    return found ?? refuseFile(file, `storage ${key} is missing`);
  });
  const object = unpickle(reader, load);
  const keys = unpickle(reader);
  if (!(keys instanceof PickleList)) return refuseFile(file, "the list of its storages is missing");
  for (const key of keys.items) {
    const storage = typeof key === "string" ? storages.get(key) : undefined;
    if (storage === undefined) return refuseFile(file, "a storage belongs to no tensor");
    const length = reader.uint64();
    if (length !== storage.length || data.has(storage.key))
      refuseFile(file, `storage ${storage.key} has ${length} elements, its tensors say ${storage.length}`);
    data.set(storage.key, reader.take(length * elementBytes(storage.code)));
  }
  for (const { key } of storages.values())
    if (!data.has(key)) refuseFile(file, `storage ${key} is missing`, "the file is cut off or damaged, get it again");
  return object;
}

class FileStorage implements Storage {
  #read!: () => Uint8Array;
  #bytes?: Uint8Array;

  constructor(
    readonly key: string,
    readonly code: ElementCode,
    readonly length: number,
  ) {}

  /** Sets the function that reads its bytes. */
  from(read: () => Uint8Array): this {
    this.#read = read;
    return this;
  }

  bytes(): Uint8Array {
    this.#bytes ??= this.#read();
    return this.#bytes;
  }
}

/**
 * Makes storages of persistent ids `("storage", class, key, location, elements)`. The older format adds a view, which
 * is None in every file that it wrote.
 */
function persistentLoader(
  file: string,
  storages: Map<string, FileStorage>,
  locate: (storage: FileStorage) => () => Uint8Array,
): PersistentLoad {
  return (id) => {
    const [kind, type, key, , length, view = null] = id instanceof PickleList ? id.items : [];
    const code = type instanceof PickleGlobal ? storageCode(type.name) : undefined;
    if (kind !== "storage" || code === undefined || typeof key !== "string" || view !== null)
      return refuseFile(file, "a persistent id is not that of a storage");
    if (!Number.isSafeInteger(length) || (length as number) < 0)
      return refuseFile(file, `storage ${key.slice(0, 40)} has an impossible number of elements`);
    let storage = storages.get(key);
    if (storage === undefined) {
      storage = new FileStorage(key, code, length as number);
      storages.set(key, storage.from(locate(storage)));
    } else if (storage.code !== code || storage.length !== length)
      refuseFile(file, `storage ${key.slice(0, 40)} is named with two types or lengths`);
    return new PickleStorage(storage);
  };
}
