/**
 * The allow-list of unpickling: every name that a weights file may reference, and the value made for it. Nothing of
 * Python is looked up or called; a name that is not listed is refused before anything is done with it.
 */
import {
  PickleDict,
  PickleGlobal,
  PickleList,
  PickleRecord,
  PickleStorage,
  PickleTensor,
  type PickleValue,
} from "./pickle-values.js";
import { type ElementCode, TensorView } from "./tensor-view.js";

/** The services that the unpickler offers to a maker. */
export interface MakerContext {
  readonly file: string;
  /** Sets an entry of a dict, within the unpickler's limits. */
  set(dict: PickleDict, key: PickleValue, value: PickleValue): void;
  /** Refuses the file. */
  fail(problem: string): never;
}

type Maker = (args: readonly PickleValue[], context: MakerContext) => PickleValue;

const storageCodes: Readonly<Record<string, ElementCode>> = {
  FloatStorage: "F32",
  DoubleStorage: "F64",
  HalfStorage: "F16",
  BFloat16Storage: "BF16",
  LongStorage: "I64",
  IntStorage: "I32",
  ShortStorage: "I16",
  CharStorage: "I8",
  ByteStorage: "U8",
  BoolStorage: "BOOL",
};

/** Element type of a storage class, `torch.FloatStorage` or `torch.cuda.FloatStorage`; undefined for other names. */
export function storageCode(name: string): ElementCode | undefined {
  const own = /^torch\.(?:cuda\.)?([A-Za-z0-9]+)$/.exec(name)?.[1];
  return own !== undefined && Object.hasOwn(storageCodes, own) ? storageCodes[own] : undefined;
}

const dict: Maker = ([pairs], context) => {
  const made = new PickleDict();
  // Python 2 pickled an OrderedDict's entries as a list of pairs; a defaultdict's first argument is its factory.
  for (const pair of pairs instanceof PickleList ? pairs.items : []) {
    if (pair instanceof PickleList && pair.items.length === 2) context.set(made, pair.items[0], pair.items[1]);
    else context.fail("an OrderedDict is made of something else than pairs");
  }
  return made;
};

/** Makes a container that shares another container's items: copies of one long list could fill the memory. */
const listOf =
  (kind: PickleList["kind"]): Maker =>
  ([items]) => {
    const list = new PickleList(kind, items instanceof PickleList ? items.items : []);
    if (items instanceof PickleList) list.depth = items.depth;
    return list;
  };

const record =
  (name: string): Maker =>
  () =>
    new PickleRecord(name);

const tensor: Maker = ([storage, offset, size, strides], context) => {
  if (!(storage instanceof PickleStorage && size instanceof PickleList && strides instanceof PickleList))
    return context.fail("a tensor is made of something else than storage, offset, size and strides");
  // TensorView's constructor checks that they are numbers.
  const [shape, steps] = [size.items as number[], strides.items as number[]];
  return new PickleTensor(new TensorView(storage.storage, offset as number, shape, steps, context.file));
};

const parameter: Maker = ([data], context) =>
  data instanceof PickleTensor ? data : context.fail("a parameter is made of something else than a tensor");

const makers: Readonly<Record<string, Maker>> = {
  "collections.OrderedDict": dict,
  "collections.defaultdict": dict,
  "torch._utils._rebuild_tensor": tensor,
  "torch._utils._rebuild_tensor_v2": tensor,
  "torch._utils._rebuild_parameter": parameter,
  "torch.Size": listOf("tuple"),
  ...Object.fromEntries(
    ["__builtin__", "builtins"].flatMap((module): [string, Maker][] => [
      [`${module}.dict`, dict],
      [`${module}.list`, listOf("list")],
      [`${module}.set`, listOf("set")],
    ]),
  ),
  ...Object.fromEntries(
    [
      // Arguments and bookkeeping of training scripts.
      "argparse.Namespace",
      "types.SimpleNamespace",
      "pathlib.PosixPath",
      "pathlib.WindowsPath",
      "torch.device",
      "numpy.dtype",
      "numpy.core.multiarray.scalar",
      "numpy._core.multiarray.scalar",
      "_codecs.encode",
    ].map((name): [string, Maker] => [name, record(name)]),
  ),
};

/** torch.float32 and similar names, which are kept as plain names. */
const dtypes = /^torch\.(?:float(?:16|32|64)|bfloat16|u?int(?:8|16|32|64)|bool)$/;

/** The name as a value; undefined where it is not on the allow-list. */
export function allowedGlobal(name: string): PickleGlobal | undefined {
  const allowed = Object.hasOwn(makers, name) || storageCode(name) !== undefined || dtypes.test(name);
  return allowed ? new PickleGlobal(name) : undefined;
}

/** The value that a call of an allowed name makes. */
export function make(name: string, args: readonly PickleValue[], context: MakerContext): PickleValue {
  if (!Object.hasOwn(makers, name)) return context.fail(`${name} is called`);
  return makers[name](args, context);
}
