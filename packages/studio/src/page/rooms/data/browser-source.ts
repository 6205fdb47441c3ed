/** Data sets of files that the user gave to the page. */
import {
  type DataHost,
  type DoctorReport,
  diagnose,
  doctorDefaults,
  type FileTree,
  greyCells,
  type OpenedTree,
  openTree,
  type Picture,
  type PictureFinding,
  type Sample,
  splitArchivePath,
  splitNames,
  ZipTree,
} from "@phinets/core/data";
import { PhinetsError } from "@phinets/core/tensor";
import { type Catalogue, catalogueOf, samplesOf } from "../../../shared/data.js";
import { FilesTree } from "./files-tree.js";
import type { DataSource, DoctorWork } from "./source.js";

/** Blob addresses that are kept; a row of thumbnails more than any screen shows. */
const mostAddresses = 2000;
const thumbnailSide = 192;

const host: DataHost = {
  async parseYaml(text) {
    const { parse } = await import("yaml");
    return parse(text);
  },
  gunzip: (bytes, limit) => unpack(bytes, "gzip", limit),
  async inflate(bytes, size) {
    const content = await unpack(bytes, "deflate-raw", size);
    if (content.length !== size) throw new Error(`${content.length} bytes came out, ${size} were said`);
    return content;
  },
  async pictureSize(tree, file) {
    const bitmap = await bitmapOf(await tree.read(file), tree.locate(file));
    const { width, height } = bitmap;
    bitmap.close();
    return { width, height };
  },
};

/** One data set: a folder's files, or one .zip. */
export async function browserSource(files: readonly File[]): Promise<DataSource> {
  const tree = await treeOf(files);
  let opening: Promise<OpenedTree> | undefined;
  const open = () => {
    opening ??= openTree(tree, host);
    return opening;
  };
  const shorten = (file: string) => (file.startsWith(tree.locate("")) ? file.slice(tree.locate("").length) : file);
  const sample = async (n: number) => samplesOf(await open())[n];
  const catalogue = async (): Promise<Catalogue> => catalogueOf(await open(), "", shorten);
  const bytesOf = async ({ file }: Sample) => tree.read(splitArchivePath(file)?.file ?? shorten(file));
  const addresses = new Map<string, Promise<string>>();
  const kept = (key: string, make: () => Promise<Blob>): Promise<string> => {
    const known = addresses.get(key) ?? make().then((blob) => URL.createObjectURL(blob));
    addresses.delete(key);
    addresses.set(key, known);
    if (addresses.size > mostAddresses) {
      const [[oldest, address]] = addresses;
      addresses.delete(oldest);
      address.then(URL.revokeObjectURL, () => {});
    }
    return known;
  };
  return {
    commandPath: () => undefined,
    async list() {
      const { recognised, task, classes, files } = await catalogue();
      return [{ path: "", recognised, task, classes: classes.length, pictures: files.length }];
    },
    open: catalogue,
    async reload() {
      opening = undefined;
    },
    thumbnail: (_, n) =>
      kept(`small ${n}`, async () => {
        const each = await sample(n);
        return smallCopy(await bytesOf(each), each.file);
      }),
    picture: (_, n) => kept(`whole ${n}`, async () => new Blob([new Uint8Array(await bytesOf(await sample(n)))])),
    examine: async (_, work) => examine(await open(), bytesOf, work),
  };
}

async function treeOf(files: readonly File[]): Promise<FileTree> {
  const [first] = files;
  if (first === undefined)
    throw new PhinetsError("data.empty", "the folder has no files; choose one with pictures and labels");
  if (files.length > 1 || !/\.zip$/i.test(first.name)) return new FilesTree(files);
  const read = async (offset: number, length: number) =>
    new Uint8Array(await first.slice(offset, offset + length).arrayBuffer());
  return ZipTree.open(first.name, { size: first.size, read }, host);
}

async function unpack(bytes: Uint8Array, format: CompressionFormat, limit: number): Promise<Uint8Array> {
  const stream = new Blob([new Uint8Array(bytes)]).stream().pipeThrough(new DecompressionStream(format));
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of stream) {
    size += part.length;
    if (size > limit) throw new Error(`more than ${limit} bytes came out`);
    parts.push(part);
  }
  const content = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    content.set(part, at);
    at += part.length;
  }
  return content;
}

async function bitmapOf(bytes: Uint8Array, file: string, options?: ImageBitmapOptions): Promise<ImageBitmap> {
  try {
    return await createImageBitmap(new Blob([new Uint8Array(bytes)]), options);
  } catch {
    throw new PhinetsError(
      "data.picture",
      `${file}: is no picture that this browser reads; save it as PNG or JPEG`,
      file,
    );
  }
}

async function smallCopy(bytes: Uint8Array, file: string): Promise<Blob> {
  const whole = await bitmapOf(bytes, file);
  const factor = Math.min(1, thumbnailSide / Math.max(whole.width, whole.height));
  const [width, height] = [whole.width, whole.height].map((side) => Math.max(1, Math.round(side * factor)));
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d")!;
  context.imageSmoothingQuality = "high";
  context.drawImage(whole, 0, 0, width, height);
  whole.close();
  return canvas.convertToBlob({ type: "image/jpeg", quality: 0.8 });
}

async function pixelsOf(bytes: Uint8Array, file: string): Promise<Picture> {
  const bitmap = await bitmapOf(bytes, file, { colorSpaceConversion: "none", premultiplyAlpha: "none" });
  const { width, height } = bitmap;
  const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true })!;
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  const { data: rgba } = context.getImageData(0, 0, width, height);
  const data = new Uint8Array(width * height * 3);
  for (let i = 0; i < width * height; i++) data.set(rgba.subarray(4 * i, 4 * i + 3), 3 * i);
  return { width, height, channels: 3, data };
}

/** As `phinets doctor` does it, but that a browser's JPEG decoder may give other last bits to what near copies are told by. */
async function examine(
  opened: OpenedTree,
  bytesOf: (sample: Sample) => Promise<Uint8Array>,
  { signal, onProgress }: DoctorWork,
): Promise<DoctorReport> {
  const { task, classes, splits, problems, format, recognised, notes, changes, notRead, rows } = opened;
  const all = splitNames.flatMap((split) => splits[split].map((sample) => ({ split, sample })));
  const bad = problems.map(({ error, leavesOut }) => ({ file: error.path ?? "", reason: error.message, leavesOut }));
  const badFiles = bad.filter(({ leavesOut }) => leavesOut !== "row");
  const findings: PictureFinding[] = [];
  for (const [done, { split, sample }] of all.entries()) {
    signal.throwIfAborted();
    const { file } = sample;
    try {
      const bytes = await bytesOf(sample);
      const picture = await pixelsOf(bytes, file);
      const digest = await crypto.subtle.digest("SHA-256", new Uint8Array(bytes));
      const { width, height } = picture;
      findings.push({ file, split, size: { width, height }, digest: hexOf(digest), cells: greyCells(picture) });
    } catch (error) {
      if (!(error instanceof PhinetsError)) throw error;
      badFiles.push({ file, reason: error.message, leavesOut: "picture" });
      findings.push({ file, split });
    }
    onProgress(done + 1, all.length);
  }
  return diagnose(
    {
      index: { task, classes, splits },
      sets: [{ path: "", format, recognised, notes, changes, notRead, rows }],
      findings,
      badFiles,
      badRows: bad.filter(({ leavesOut }) => leavesOut === "row"),
    },
    doctorDefaults,
  );
}

function hexOf(bytes: ArrayBuffer): string {
  return Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
