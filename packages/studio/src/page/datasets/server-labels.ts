/** Labels in the files of the folder that the server opened. */
import type { LabelDocument, ModelEntry, SavedDocument, SuggestedBoxes } from "../../shared/labels.js";
import { addressOf, get, post } from "../api.js";
import type { LabelRequests, PictureName } from "./labels.js";

const query = ({ set, picture }: PictureName) => ({ set, picture });

/** @param folder path of the opened folder */
export const serverLabels = (folder: string): LabelRequests => ({
  identity: folder,
  address: async (name) => addressOf("data/picture", query(name)),
  read: (name) => get<LabelDocument>("labels", { query: query(name) }),
  save: (name, body) => post<SavedDocument>("labels", { query: query(name), body }),
  addClass: (set, name) => post<readonly string[]>("labels/class", { query: { set }, body: { name } }),
  nextUnlabelled: (name) => get("labels/next", { query: query(name) }),
  listModels: () => get<readonly ModelEntry[]>("labels/models"),
  suggest: (name, model) => post<SuggestedBoxes>("labels/suggest", { query: { ...query(name), model } }),
});
