/** What a format of data sets is. Adding one is a file that exports a `Format`, and its line in registry.ts. */
import type { PhinetsError } from "../../tensor/index.js";
import type { Survey } from "../files/survey.js";
import type { Awaitable, FileTree } from "../files/tree.js";
import type { DatasetIndex, PictureSize, SplitName } from "../types.js";
import type { OpenLog } from "./open-log.js";

/** What the surface does for the formats, as core has no libraries of its own. */
export interface DataHost {
  /** Throws an Error whose message begins with `LINE:COLUMN: ` where the text is no YAML. */
  parseYaml(text: string): Awaitable<unknown>;
  /** Throws where the bytes are no gzip stream, or more than `limit` would come out. */
  gunzip(bytes: Uint8Array, limit: number): Awaitable<Uint8Array>;
  /** Bytes of a raw deflate stream (RFC 1951). Throws where it is none, or where more or fewer than `size` come out. */
  inflate(bytes: Uint8Array, size: number): Awaitable<Uint8Array>;
  /** Size of a picture, upright, as decoding it would give. Throws PhinetsError where it is no picture. */
  pictureSize(tree: FileTree, file: string): Promise<PictureSize>;
}

export interface Recognition {
  /** 0..1, how sure. The format with the highest opens the data set. */
  readonly score: number;
  /** What it was recognised from, as `Annotations, ImageSets/Main lists train val test`. */
  readonly from: string;
  /** Files that describe the whole set (a data.yaml, a COCO JSON, a CSV): naming one of them as `--data` names the set. */
  readonly by?: readonly string[];
  /** What it lacks to be one, as `no data.yaml`. Such a format never opens; it is named where nothing else fits. */
  readonly missing?: string;
}

export interface OpenContext {
  readonly log: OpenLog;
  readonly host: DataHost;
  /** Size of a picture, upright, for labels in pixels without one; undefined where it is no picture (the log has it). */
  pictureSize(file: string): Promise<PictureSize | undefined>;
  /** A survey of a folder outside the data set's own; undefined where it cannot be reached. */
  outside(folder: string): Promise<Survey | undefined>;
  /** Pictures without labels are work to be done (`LabelPlaces.unlabelled`), not something wrong. */
  readonly keepUnlabelled: boolean;
}

/** A picture that nobody has labelled yet. */
export interface UnlabelledPicture {
  /** As `Sample.file`. */
  readonly file: string;
  readonly split: SplitName;
}

/** Where the labels of a data set are, for who changes them. Files are as `FileTree.locate` gives them. */
export interface LabelPlaces {
  /** By picture: the file that holds its labels, or would. */
  readonly files: ReadonlyMap<string, string>;
  /** Pictures that are no samples, as they have no labels yet; only with `keepUnlabelled`. */
  readonly unlabelled: readonly UnlabelledPicture[];
  /** The file that names the classes, where one does. */
  readonly classes?: string;
  /** Number of the first pixel of a row, where the format has no rule. */
  readonly firstPixel?: 0 | 1;
  /** By picture: what a file of many pictures calls it. */
  readonly names?: ReadonlyMap<string, string>;
  /** Lists in which a picture has to stand to be of the data set, as a training one. */
  readonly lists?: readonly string[];
  /** Of pictures alone: the data.yaml that comes with the first box, and the folders that it names. */
  readonly description?: { readonly file: string; readonly train: readonly string[] };
}

/** A data set as its files have it. `file` of the samples is what `FileTree.locate` gives. */
export interface FoundDataset extends DatasetIndex {
  /** Splits that the data set names itself; others may be made from train. */
  readonly named: readonly SplitName[];
  /** Absent where labels cannot be changed in place. */
  readonly places?: LabelPlaces;
}

export interface Format {
  /** For `--data-format`. */
  readonly id: string;
  /** As `Pascal VOC`. */
  readonly title: string;
  /** What its files are, for help and documentation: `Annotations/*.xml beside JPEGImages`. */
  readonly looksFor: string;
  /** Undefined where nothing of it is there. */
  recognise(
    survey: Survey,
    host: DataHost,
    options: Pick<OpenContext, "keepUnlabelled">,
  ): Awaitable<Recognition | undefined>;
  /** Throws PhinetsError for what makes the whole data set unusable; what is wrong with one file goes to the log. */
  open(survey: Survey, context: OpenContext): Promise<FoundDataset>;
}

/** What is wrong with a file or a row of it; without `--skip-bad` it ends the work. */
export interface Problem {
  readonly error: PhinetsError;
  /** What `--skip-bad` would leave out. */
  readonly leavesOut: "row" | "picture" | "file";
}
