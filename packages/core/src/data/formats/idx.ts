/**
 * idx files, the format of MNIST and similar data sets (described on MNIST's page, yann.lecun.com/exdb/mnist).
 * Big-endian: two zero bytes, the element type (8 = unsigned byte), the number of dimensions, one uint32 per dimension,
 * then the elements.
 */
import { PhinetsError } from "../../tensor/index.js";
import { mostFileBytes, mostFiles, mostRatio, ratioFrom } from "../files/limits.js";
import type { Survey } from "../files/survey.js";
import { baseName } from "../files/tree.js";
import { type Picture, type Sample, type SplitName, splitNames } from "../types.js";
import type { DataHost, Format, FoundDataset, OpenContext } from "./format.js";
import { splitIn } from "./splits.js";

export interface IdxImages {
  readonly count: number;
  readonly height: number;
  readonly width: number;
  /** `[count, height, width]`, 0..255; a view of the file's bytes. */
  readonly data: Uint8Array;
}

function parse(
  bytes: Uint8Array,
  file: string,
  dimensions: number,
  what: string,
): { sizes: number[]; data: Uint8Array } {
  const fail = (problem: string): never => {
    throw new PhinetsError("data.idx", `${file}: ${problem}`, file);
  };
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 4) fail(`has ${bytes.length} bytes; an idx file starts with a magic number of 4`);
  const magic = view.getUint32(0);
  const expected = 0x800 + dimensions;
  if (magic !== expected) {
    const hex = (n: number) => `0x${n.toString(16).padStart(8, "0")}`;
    fail(`starts with ${hex(magic)}; an idx file of ${what} starts with ${hex(expected)}`);
  }
  const header = 4 + 4 * dimensions;
  if (bytes.length < header) fail(`ends inside its header; get the file again`);
  const sizes = Array.from({ length: dimensions }, (_, i) => view.getUint32(4 + 4 * i));
  const size = sizes.reduce((a, b) => a * b, 1);
  if (bytes.length !== header + size) {
    fail(`has ${bytes.length} bytes; ${sizes.join("x")} ${what} need ${header + size}; get the file again`);
  }
  return { sizes, data: bytes.subarray(header) };
}

/** Pictures of an idx3 file (already gunzipped). */
export function parseIdxImages(bytes: Uint8Array, file: string): IdxImages {
  const { sizes, data } = parse(bytes, file, 3, "pictures");
  const [count, height, width] = sizes;
  if (width === 0 || height === 0) {
    const problem = `its pictures are ${width}x${height}; both sides are at least 1; get the file again`;
    throw new PhinetsError("data.idx", `${file}: ${problem}`, file);
  }
  if (count > mostFiles) {
    throw new PhinetsError("data.size", `${file}: has ${count} pictures; at most ${mostFiles} are read`, file);
  }
  return { count, height, width, data };
}

/** Classes of an idx1 file (already gunzipped). */
export function parseIdxLabels(bytes: Uint8Array, file: string): Uint8Array {
  return parse(bytes, file, 1, "labels").data;
}

/** Picture n, counted from 0, as a view. */
export function idxPicture(images: IdxImages, n: number): Picture {
  const { height, width } = images;
  return { width, height, channels: 1, data: images.data.subarray(n * width * height, (n + 1) * width * height) };
}

/** Bytes of an idx file, gunzipped where they are compressed. Throws PhinetsError `data.idx`. */
export async function readIdxBytes(
  bytes: Uint8Array,
  file: string,
  host: Pick<DataHost, "gunzip">,
): Promise<Uint8Array> {
  if (bytes.length < 2 || bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  try {
    return await host.gunzip(bytes, Math.min(mostFileBytes, Math.max(ratioFrom, mostRatio * bytes.length)));
  } catch (error) {
    throw new PhinetsError(
      "data.idx",
      `${file}: cannot be gunzipped (${(error as Error).message}); get the file again`,
      file,
    );
  }
}

const isImages = /idx3[-.]?ubyte(\.gz)?$/i;
const isLabels = /idx1[-.]?ubyte(\.gz)?$/i;

/** t10k is MNIST's name for its 10,000 test pictures. */
const splitOfIdx = (file: string): SplitName | undefined =>
  /(^|[^a-z0-9])t10k([^a-z0-9]|$)/i.test(baseName(file)) ? "test" : splitIn(baseName(file));

/** Folders of idx files in MNIST's layout: train-* and t10k-* (or test-*), plain or gzipped. */
export const idxFiles: Format = {
  id: "idx",
  title: "idx files (MNIST)",
  looksFor: "train-images-idx3-ubyte, train-labels-idx1-ubyte and t10k-*, plain or .gz",
  recognise(survey) {
    const files = survey.filesIn().filter((file) => isImages.test(file));
    if (files.length === 0) return undefined;
    const by = survey.filesIn().filter((file) => isImages.test(file) || isLabels.test(file));
    return { score: 0.95, from: files.map(baseName).join(", "), by };
  },
  async open(survey, context) {
    const splits: Record<SplitName, Sample[]> = { train: [], val: [], test: [] };
    for (const split of splitNames) splits[split] = await openSplit(survey, split, context);
    const highest = splitNames
      .flatMap((split) => splits[split])
      .reduce((most, sample) => Math.max(most, sample.class ?? -1), -1);
    const named = splitNames.filter((split) => splits[split].length > 0);
    return {
      task: "classify",
      classes: Array.from({ length: highest + 1 }, (_, n) => String(n)),
      splits,
      named,
    } satisfies FoundDataset;
  },
};

/** The only file of a kind; if it exists both plain and gzipped, the plain one. */
function theOne(survey: Survey, split: SplitName, kind: RegExp, log: OpenContext["log"]): string | undefined {
  const files = survey.filesIn().filter((file) => kind.test(file) && splitOfIdx(file) === split);
  const plain = files.filter((file) => !(/\.gz$/i.test(file) && files.includes(file.slice(0, -3))));
  if (plain.length > 1) {
    const root = survey.show(survey.root);
    const names = plain.map(baseName).join(", ");
    throw new PhinetsError(
      "data.idx",
      `${root}: has several data sets (${names}); put each in a folder of its own`,
      root,
    );
  }
  for (const file of files) if (file !== plain[0]) log.notRead("gzipped copies", survey.show(file));
  for (const file of files) if (file !== plain[0]) log.read(file);
  return plain[0];
}

async function openSplit(survey: Survey, split: SplitName, { host, log }: OpenContext): Promise<Sample[]> {
  const images = theOne(survey, split, isImages, log);
  const labels = theOne(survey, split, isLabels, log);
  if (images === undefined && labels === undefined) return [];
  if (images === undefined || labels === undefined) {
    const root = survey.show(survey.root);
    throw new PhinetsError(
      "data.idx",
      `${root}: has ${baseName((images ?? labels) as string)} but no ${images === undefined ? "pictures (idx3-ubyte)" : "labels (idx1-ubyte)"} beside it`,
      root,
    );
  }
  const [pictures, classes] = await Promise.all(
    [images, labels].map(async (file) => {
      log.read(file);
      return readIdxBytes(await survey.bytes(file), survey.show(file), host);
    }),
  );
  const { count } = parseIdxImages(pictures, survey.show(images));
  const values = parseIdxLabels(classes, survey.show(labels));
  if (values.length !== count) {
    throw new PhinetsError(
      "data.idx",
      `${survey.show(labels)}: has ${values.length} labels for the ${count} pictures of ${baseName(images)}; get both files again`,
      survey.show(labels),
    );
  }
  const file = survey.tree.locate(images);
  return Array.from(values, (c, n) => ({ file: `${file}#${n}`, class: c }));
}
