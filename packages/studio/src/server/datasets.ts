/** The data sets of the opened folder; each is opened once and cached. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { bareFormat, isHidden, type LabelSet, type Sample, splitNames, withUnlabelled } from "@phinets/core/data";
import { PhinetsError } from "@phinets/core/tensor";
import { labelSetOf, type OpenedDataset, openToLabel } from "@phinets/node/dataset";
import { type Catalogue, catalogueOf, type DatasetEntry, samplesOf, withSaved } from "../shared/data.js";
import type { LabelDocument } from "../shared/labels.js";
import type { OpenedFolder } from "./opened-folder.js";

interface Kept {
  readonly opened: OpenedDataset;
  readonly samples: readonly Sample[];
  /** The samples' files. */
  readonly files: readonly string[];
  /** Replaced when a picture is labelled. */
  catalogue: Catalogue;
  /** Made on first use. */
  labels?: Promise<LabelSet>;
}

/** Depth below the opened folder to which data sets are searched. */
const deepest = 2;
/** Folders that are never data sets. */
const passed = new Set(["node_modules", "runs", "dist"]);

export class Datasets {
  readonly #kept = new Map<string, Promise<Kept>>();

  constructor(readonly folder: OpenedFolder) {}

  /**
   * Lists the folder itself where it is one data set, else the data sets in it. Formats also find a data set deep
   * inside a folder, so a folder with several may be taken for one of them; this shows in the data sets below having
   * more pictures. Folders of pictures that are not part of the whole are listed beside it.
   */
  async list(): Promise<DatasetEntry[]> {
    const [whole, below] = [await this.#entry(""), await this.#below("", 1)];
    // A data set's own folders of pictures do not count, although they would open for labelling.
    const pictures = below.reduce((sum, each) => sum + (each.isBare ? 0 : each.pictures), 0);
    if (whole === undefined || pictures > whole.pictures) return below;
    return [whole, ...(await this.#outside(whole, below))];
  }

  /** Folders of unlabelled pictures that share no picture with the whole. */
  async #outside(whole: DatasetEntry, below: readonly DatasetEntry[]): Promise<DatasetEntry[]> {
    const own = new Set(await this.files(whole.path));
    const found: DatasetEntry[] = [];
    for (const each of below.filter(({ isBare }) => isBare)) {
      const files = await this.files(each.path);
      if (!files.some((file) => own.has(file))) found.push(each);
    }
    return found;
  }

  /**
   * Files of all pictures, the same array until the data set is read again; empty for a folder without pictures. They
   * may lie outside the opened folder.
   */
  async files(path: string): Promise<readonly string[]> {
    return (await this.#openIfAny(path))?.files ?? [];
  }

  /**
   * Undefined for a folder that is not a data set yet. Throws PhinetsError where it does not exist or cannot be read.
   */
  async catalogueIfAny(path: string): Promise<Catalogue | undefined> {
    return (await this.#openIfAny(path))?.catalogue;
  }

  async catalogue(path: string): Promise<Catalogue> {
    return (await this.#open(path)).catalogue;
  }

  /** The file of picture `n`. Throws PhinetsError where it lies outside the opened folder. */
  async file(path: string, n: number): Promise<string> {
    const { samples } = await this.#open(path);
    const sample = samples[n];
    if (sample === undefined)
      throw new PhinetsError("studio.missing", `picture ${n} is not there; the data set has ${samples.length}`);
    this.folder.require(sample.file, this.folder.shorten(sample.file));
    return sample.file;
  }

  /** As `files`, with undefined for files outside the opened folder. */
  async ownFiles(path: string): Promise<(string | undefined)[]> {
    return (await this.files(path)).map((file) => {
      try {
        this.folder.require(file, this.folder.shorten(file));
        return file;
      } catch (error) {
        if (error instanceof PhinetsError) return undefined;
        throw error;
      }
    });
  }

  /** The file of a picture by its path in the data set. Throws PhinetsError where it lies outside the opened folder. */
  async fileNamed(path: string, picture: string): Promise<string> {
    const n = (await this.catalogue(path)).files.indexOf(picture);
    if (n < 0)
      throw new PhinetsError("studio.missing", `${picture}: is no picture of the data set; read it again`, picture);
    return this.file(path, n);
  }

  /** The path of a picture within the data set. */
  async nameOf(path: string, file: string): Promise<string> {
    const { samples, catalogue } = await this.#open(path);
    return catalogue.files[samples.findIndex((sample) => sample.file === file)];
  }

  /** The data set's label set, for changing boxes. Throws PhinetsError where they cannot be changed. */
  async labels(path: string): Promise<LabelSet> {
    const kept = await this.#open(path);
    if (kept.labels === undefined) {
      const labels = labelSetOf(kept.opened, { within: this.folder.resolve(".") });
      labels.catch(() => delete kept.labels);
      kept.labels = labels;
    }
    return kept.labels;
  }

  /** Applies saved labels to the catalogue, so that nothing has to be read again. */
  async saved(path: string, labels: LabelDocument): Promise<void> {
    const kept = await this.#open(path);
    kept.catalogue = withSaved(kept.catalogue, labels);
  }

  /**
   * Makes the next access read everything again.
   * @param changed path of the only data set that has changed: then only it, those around it and those in it are read
   * again
   */
  reload(changed = ""): void {
    const isWithin = (path: string, around: string) =>
      around === "" || path === around || path.startsWith(`${around}/`);
    for (const path of this.#kept.keys())
      if (isWithin(path, changed) || isWithin(changed, path)) this.#kept.delete(path);
  }

  async #below(within: string, depth: number): Promise<DatasetEntry[]> {
    const found: DatasetEntry[] = [];
    const entries = readdirSync(this.folder.resolve(within || "."), { withFileTypes: true });
    for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      if (isHidden(entry.name) || passed.has(entry.name)) continue;
      const path = within === "" ? entry.name : `${within}/${entry.name}`;
      const isArchive = entry.isFile() && /\.zip$/i.test(entry.name);
      if (!entry.isDirectory() && !isArchive) continue;
      const known = await this.#entry(path);
      if (known !== undefined) found.push(known);
      else if (entry.isDirectory() && depth < deepest) found.push(...(await this.#below(path, depth + 1)));
    }
    return found;
  }

  /** Undefined where no data set can be opened. */
  async #entry(path: string): Promise<DatasetEntry | undefined> {
    try {
      const { catalogue } = await this.#open(path);
      const { recognised, task, classes, files, format } = catalogue;
      const isBare = format === bareFormat;
      return { path, recognised, task, classes: classes.length, pictures: files.length, isBare };
    } catch (error) {
      if (error instanceof PhinetsError) return undefined;
      throw error;
    }
  }

  async #openIfAny(path: string): Promise<Kept | undefined> {
    try {
      return await this.#open(path);
    } catch (error) {
      if (error instanceof PhinetsError && ["data.kind", "data.empty"].includes(error.code)) return undefined;
      throw error;
    }
  }

  #open(path: string): Promise<Kept> {
    const known = this.#kept.get(path);
    if (known !== undefined) return known;
    const opening = this.#read(path);
    this.#kept.set(path, opening);
    opening.catch(() => this.#kept.delete(path));
    return opening;
  }

  async #read(path: string): Promise<Kept> {
    const place = this.folder.resolve(path || ".");
    const opened = await openToLabel(place, { within: this.folder.real });
    const start = splitNames.some((split) => opened.splits[split].some(({ file }) => file.startsWith(`${place}!/`)))
      ? `${place}!/`
      : join(place, "/");
    const shorten = (file: string) => (file.startsWith(start) ? file.slice(start.length) : this.folder.shorten(file));
    const [{ recognised, format, notes, problems }] = opened.sets;
    const { task, classes, sets } = opened;
    const splits = withUnlabelled(opened.splits, sets[0].places);
    const unlabelled = new Set(sets[0].places?.unlabelled.map(({ file }) => file));
    const whole = { recognised, format, notes, problems, task, classes, splits, unlabelled };
    const samples = samplesOf(whole);
    const files = samples.map(({ file }) => file);
    return { opened, samples, files, catalogue: catalogueOf(whole, path, shorten) };
  }
}
