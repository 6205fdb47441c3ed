/** Data sets of files that the user gave to the page. */
import {
  type DoctorReport,
  diagnose,
  doctorDefaults,
  greyCells,
  type OpenedTree,
  openTree,
  type PictureFinding,
  type Sample,
  splitArchivePath,
  splitNames,
} from "@phinets/core/data";
import { PhinetsError } from "@phinets/core/tensor";
import { type Catalogue, catalogueOf, samplesOf } from "../../shared/data.js";
import type { GivenFile } from "../files/given-files.js";
import { dataHost, treeOf } from "../files/open.js";
import { bitmapOf, pixelsOf } from "../files/pictures.js";
import type { DataSource, DoctorWork } from "./source.js";

/** Blob addresses that are kept; a row of thumbnails more than any screen shows. */
const mostAddresses = 2000;
const thumbnailSide = 192;

/** One data set: a folder's files, or one .zip. */
export async function browserSource(files: readonly GivenFile[]): Promise<DataSource> {
  const tree = await treeOf(files);
  let opening: Promise<OpenedTree> | undefined;
  const open = () => {
    opening ??= openTree(tree, dataHost);
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
      return [{ path: "", recognised, task, classes: classes.length, pictures: files.length, isBare: false }];
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
