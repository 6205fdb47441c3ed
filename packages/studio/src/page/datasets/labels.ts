/** What labelling asks of where the labels are: the server's folder, or what the user gave to the page. */
import type { LabelDocument, ModelEntry, SavedDocument, SaveRequest, SuggestedBoxes } from "../../shared/labels.js";
import type { Given } from "../files/given-files.js";
import type { KeptLabels } from "../files/storage.js";

/** A picture of a data set, by its path there. */
export interface PictureName {
  readonly set: string;
  readonly picture: string;
}

export interface LabelRequests {
  /** Names what was opened, and does so again after the page was loaded anew. */
  readonly identity: string;
  /** Where labels are kept in the browser, and not saved into the set's own files. */
  readonly kept?: KeptLabels;
  /** An address for `img`. */
  address(name: PictureName): Promise<string>;
  /** Asks the user for what saving needs, too. */
  read(name: PictureName): Promise<LabelDocument>;
  save(name: PictureName, request: SaveRequest): Promise<SavedDocument>;
  /** All classes, with the new one. */
  addClass(set: string, name: string): Promise<readonly string[]>;
  /** Nothing where every picture is labelled. */
  nextUnlabelled(name: PictureName): Promise<{ readonly picture?: string }>;
  /** Networks that suggest boxes. */
  listModels(): Promise<readonly ModelEntry[]>;
  suggest(name: PictureName, model: string): Promise<SuggestedBoxes>;
  /** A run that the user gives to the page is a network that suggests, too; absent where the server knows them all. */
  addModel?(given: Given): Promise<ModelEntry>;
}
