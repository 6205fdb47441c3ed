/** Interface of the place where labels are: the server's folder, or what the user opened in the page. */
import type { LabelDocument, ModelEntry, SavedDocument, SaveRequest, SuggestedBoxes } from "../../shared/labels.js";
import type { Given } from "../files/given-files.js";
import type { KeptLabels } from "../files/storage.js";

/** A picture of a data set, by its path within it. */
export interface PictureName {
  readonly set: string;
  readonly picture: string;
}

export interface LabelRequests {
  /** Identifies what was opened, also after the page is reloaded. */
  readonly identity: string;
  /** Present where labels are kept in the browser, not saved into the data set's own files. */
  readonly kept?: KeptLabels;
  /** An address for `img`. */
  address(name: PictureName): Promise<string>;
  /** Also asks the user for the permission to save, where that is needed. */
  read(name: PictureName): Promise<LabelDocument>;
  save(name: PictureName, request: SaveRequest): Promise<SavedDocument>;
  /** Adds a class; returns all classes. */
  addClass(set: string, name: string): Promise<readonly string[]>;
  /** No picture where all are labelled. */
  nextUnlabelled(name: PictureName): Promise<{ readonly picture?: string }>;
  /** Networks that can suggest boxes. */
  listModels(): Promise<readonly ModelEntry[]>;
  suggest(name: PictureName, model: string): Promise<SuggestedBoxes>;
  /** Adds a run that the user opens as a network that suggests boxes; absent where the server knows all of them. */
  addModel?(given: Given): Promise<ModelEntry>;
}
