/** Data sets of files that the user opened in the page. */
import {
  bareFormat,
  type DoctorReport,
  diagnose,
  doctorDefaults,
  type FileTree,
  greyCells,
  nearCopyGroups,
  type OpenedTree,
  type PictureFinding,
  type PictureLook,
  type Sample,
  splitNames,
  withUnlabelled,
} from "@phinets/core/data";
import { PhinetsError } from "@phinets/core/tensor";
import { type Catalogue, catalogueOf, samplesOf, withSaved } from "../../shared/data.js";
import { sha256 } from "../files/digest.js";
import { FilesTree } from "../files/files-tree.js";
import { FolderStorage } from "../files/folder-storage.js";
import type { Given } from "../files/given-files.js";
import { KeptStorage } from "../files/kept-storage.js";
import { openToLabel, treeOf } from "../files/open.js";
import { bitmapOf, pixelsOf } from "../files/pictures.js";
import type { LabelStorage } from "../files/storage.js";
import { browserLabels } from "./browser-labels.js";
import type { DataSource, PictureWork } from "./source.js";

/** Number of blob addresses to keep: more thumbnails than any screen shows. */
const mostAddresses = 2000;
const thumbnailSide = 192;

interface Opened {
  readonly tree: OpenedTree;
  readonly samples: readonly Sample[];
  /** Replaced when a picture is labelled. */
  catalogue: Catalogue;
}

/** One data set: a folder's files, or one .zip. */
export async function browserSource(given: Given): Promise<DataSource> {
  const base = await treeOf(given.files);
  const storage = await storageOf(base, given);
  const start = base.locate("");
  const shorten = (file: string) => (file.startsWith(start) ? file.slice(start.length) : file);
  let opening: Promise<Opened> | undefined;
  const read = async (): Promise<Opened> => {
    const tree = await openToLabel(storage?.tree ?? base);
    const unlabelled = new Set(tree.places?.unlabelled.map(({ file }) => file));
    const whole = { ...tree, splits: withUnlabelled(tree.splits, tree.places), unlabelled };
    return { tree, samples: samplesOf(whole), catalogue: catalogueOf(whole, "", shorten) };
  };
  const open = () => {
    opening ??= read();
    return opening;
  };
  const sample = async (n: number) => (await open()).samples[n];
  const catalogue = async (): Promise<Catalogue> => (await open()).catalogue;
  const bytesOf = async ({ file }: Sample) => (storage?.tree ?? base).read(shorten(file));
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
  const whole = (each: Sample) =>
    kept(`whole ${each.file}`, async () => new Blob([new Uint8Array(await bytesOf(each))]));
  const labels =
    storage &&
    browserLabels({
      storage,
      opened: async () => (await open()).tree,
      onSaved: (saved) =>
        void open().then((now) => {
          now.catalogue = withSaved(now.catalogue, saved);
        }),
      address: async ({ picture }) => {
        const { samples, catalogue } = await open();
        return whole(samples[catalogue.files.indexOf(picture)]);
      },
    });
  return {
    commandPath: () => undefined,
    labels,
    async list() {
      const { recognised, task, classes, files, format } = await catalogue();
      const isBare = format === bareFormat;
      return [{ path: "", recognised, task, classes: classes.length, pictures: files.length, isBare }];
    },
    open: catalogue,
    async reload() {
      await storage?.refresh();
      opening = undefined;
    },
    thumbnail: async (_, n) => {
      const each = await sample(n);
      return kept(`small ${each.file}`, async () => smallCopy(await bytesOf(each), each.file));
    },
    picture: async (_, n) => whole(await sample(n)),
    // Read again, because boxes may have been drawn since.
    examine: async (_, work) => examine((await read()).tree, bytesOf, work),
    nearCopies: async (_, work) => nearCopies((await open()).samples, bytesOf, work),
  };
}

/** Undefined where the browser gives the page no storage. */
async function storageOf(tree: FileTree, { folder }: Given): Promise<LabelStorage | undefined> {
  // Digests and locks are only available over https and on localhost.
  if (!isSecureContext) return undefined;
  if (folder !== undefined && tree instanceof FilesTree) return FolderStorage.open(tree, folder);
  try {
    return await KeptStorage.open(tree);
  } catch (error) {
    if (error instanceof DOMException) return undefined;
    throw error;
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

/**
 * As `phinets doctor`, except that a browser's JPEG decoder may give slightly different values for finding near copies.
 */
async function examine(
  opened: OpenedTree,
  bytesOf: (sample: Sample) => Promise<Uint8Array>,
  { signal, onProgress }: PictureWork,
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
      findings.push({ file, split, ...(await see(await bytesOf(sample), file)) });
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

/** Size, digest and grey cells of a picture. */
async function see(bytes: Uint8Array, file: string) {
  const picture = await pixelsOf(bytes, file);
  const { width, height } = picture;
  return { size: { width, height }, digest: await sha256(bytes), cells: greyCells(picture) };
}

async function nearCopies(
  samples: readonly Sample[],
  bytesOf: (sample: Sample) => Promise<Uint8Array>,
  { signal, onProgress }: PictureWork,
): Promise<number[][]> {
  const looks: (PictureLook | undefined)[] = [];
  for (const sample of samples) {
    signal.throwIfAborted();
    try {
      looks.push(await see(await bytesOf(sample), sample.file));
    } catch (error) {
      // The doctor reports what is wrong with it.
      if (!(error instanceof PhinetsError)) throw error;
      looks.push(undefined);
    }
    onProgress(looks.length, samples.length);
  }
  return nearCopyGroups(looks);
}
