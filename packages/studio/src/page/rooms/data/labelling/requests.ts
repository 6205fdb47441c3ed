/** What the labelling view asks the server. */
import type {
  LabelDocument,
  ModelEntry,
  SavedDocument,
  SaveRequest,
  SuggestedBoxes,
} from "../../../../shared/labels.js";
import { addressOf, get, post } from "../../../api.js";

/** A picture of a data set, by its path there. */
export interface PictureName {
  readonly set: string;
  readonly picture: string;
}

const query = ({ set, picture }: PictureName) => ({ set, picture });

export const pictureAddress = (name: PictureName): string => addressOf("data/picture", query(name));
export const readLabels = (name: PictureName) => get<LabelDocument>("labels", { query: query(name) });
export const saveLabels = (name: PictureName, body: SaveRequest) =>
  post<SavedDocument>("labels", { query: query(name), body });
export const addClass = (set: string, name: string) =>
  post<readonly string[]>("labels/class", { query: { set }, body: { name } });
export const nextUnlabelled = (name: PictureName) => get<{ picture?: string }>("labels/next", { query: query(name) });
export const listModels = () => get<readonly ModelEntry[]>("labels/models");
export const suggest = (name: PictureName, model: string) =>
  post<SuggestedBoxes>("labels/suggest", { query: { ...query(name), model } });
