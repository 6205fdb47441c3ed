/** The interface of a data set format. To add one, write a file that exports a `Format` and list it in registry.ts. */
import type { PhinetsError } from "../../tensor/index.js";
import type { Survey } from "../files/survey.js";
import type { Awaitable, FileTree } from "../files/tree.js";
import type { DatasetIndex, PictureSize, SplitName } from "../types.js";
import type { OpenLog } from "./open-log.js";

/** Functions that the host provides, because core has no dependencies. */
export interface DataHost {
  /** Throws an Error whose message begins with `LINE:COLUMN: ` if the text is not YAML. */
  parseYaml(text: string): Awaitable<unknown>;
  /** Throws if the bytes are not a gzip stream, or would unpack to more than `limit` bytes. */
  gunzip(bytes: Uint8Array, limit: number): Awaitable<Uint8Array>;
  /** Unpacks a raw deflate stream (RFC 1951). Throws if it is invalid, or does not unpack to exactly `size` bytes. */
  inflate(bytes: Uint8Array, size: number): Awaitable<Uint8Array>;
  /** Size of the upright picture, as decoding it would give. Throws PhinetsError if the file is not a picture. */
  pictureSize(tree: FileTree, file: string): Promise<PictureSize>;
}

export interface Recognition {
  /** Confidence, 0..1. The format with the highest score opens the data set. */
  readonly score: number;
  /** The evidence, such as `Annotations, ImageSets/Main lists train val test`. */
  readonly from: string;
  /**
   * Files that describe the whole data set (a data.yaml, a COCO JSON, a CSV); passing one of them as `--data` selects
   * the set.
   */
  readonly by?: readonly string[];
  /**
   * What is missing, such as `no data.yaml`. A format with something missing never opens; it is mentioned if nothing
   * else fits.
   */
  readonly missing?: string;
}

export interface OpenContext {
  readonly log: OpenLog;
  readonly host: DataHost;
  /**
   * Size of the upright picture, for labels in pixels that do not state one; undefined (and logged) if the file is not
   * a picture.
   */
  pictureSize(file: string): Promise<PictureSize | undefined>;
  /** A survey of a folder outside the data set's own; undefined if it cannot be reached. */
  outside(folder: string): Promise<Survey | undefined>;
  /**
   * Pictures without labels are listed for labelling (`LabelPlaces.unlabelled`) instead of being reported as problems.
   */
  readonly keepUnlabelled: boolean;
}

/** A picture without labels. */
export interface UnlabelledPicture {
  /** Like `Sample.file`. */
  readonly file: string;
  readonly split: SplitName;
}

/** Locations of a data set's labels, for editing. Files are as returned by `FileTree.locate`. */
export interface LabelPlaces {
  /** For each picture, the file that holds its labels, or would. */
  readonly files: ReadonlyMap<string, string>;
  /** Unlabelled pictures, which are not samples; only with `keepUnlabelled`. */
  readonly unlabelled: readonly UnlabelledPicture[];
  /** The file that lists the class names, if there is one. */
  readonly classes?: string;
  /** Number of the first pixel in a row, if the format does not define it. */
  readonly firstPixel?: 0 | 1;
  /** For each picture, its name within a file of many pictures. */
  readonly names?: ReadonlyMap<string, string>;
  /** Lists that must contain a picture for it to belong to the data set, as a training picture. */
  readonly lists?: readonly string[];
  /** For a folder of pictures alone: the data.yaml to be written with the first box, and the folders that it lists. */
  readonly description?: { readonly file: string; readonly train: readonly string[] };
}

/** A data set as its files define it. `file` of the samples is the result of `FileTree.locate`. */
export interface FoundDataset extends DatasetIndex {
  /** Splits that the data set defines itself; others may be made from train. */
  readonly named: readonly SplitName[];
  /** Absent if labels cannot be edited in place. */
  readonly places?: LabelPlaces;
}

export interface Format {
  /** Value of `--data-format`. */
  readonly id: string;
  /** Display name, such as `Pascal VOC`. */
  readonly title: string;
  /** Description of its files for help and documentation, such as `Annotations/*.xml beside JPEGImages`. */
  readonly looksFor: string;
  /** Undefined if there is no trace of this format. */
  recognise(
    survey: Survey,
    host: DataHost,
    options: Pick<OpenContext, "keepUnlabelled">,
  ): Awaitable<Recognition | undefined>;
  /** Throws PhinetsError for problems that make the whole data set unusable; problems of single files go to the log. */
  open(survey: Survey, context: OpenContext): Promise<FoundDataset>;
}

/** A problem of a file or row; without `--skip-bad` it is an error. */
export interface Problem {
  readonly error: PhinetsError;
  /** What `--skip-bad` leaves out. */
  readonly leavesOut: "row" | "picture" | "file";
}
