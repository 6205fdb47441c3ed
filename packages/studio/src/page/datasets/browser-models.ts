/** Networks that the user opened in the page to suggest boxes; they are kept until the page is closed. */
import type { NamedDetection } from "@phinets/core/model";
import { PhinetsError } from "@phinets/core/tensor";
import type { ModelEntry } from "../../shared/labels.js";
import { Caller } from "../caller.js";
import type { Given } from "../files/given-files.js";
import { filesOfTree, type NetworkFiles } from "../files/network-files.js";
import type { SuggestAnswer, SuggestQuestion } from "./suggest-worker.js";

const given = new Map<string, ModelEntry & { readonly files: NetworkFiles }>();
/** Id of the network that the worker has loaded. */
let loaded: string | undefined;
let worker: Caller<SuggestQuestion, SuggestAnswer> | undefined;

function ask(question: SuggestQuestion): Promise<SuggestAnswer> {
  worker ??= new Caller(new Worker(new URL("./suggest-worker.ts", import.meta.url), { type: "module" }));
  return worker.ask(question);
}

export const browserModels = (): readonly ModelEntry[] => [...given.values()];

/** Throws where the files have no run, or no run of a detector. */
export async function addBrowserModel({ files }: Given): Promise<ModelEntry> {
  const title = files[0]?.path.split("/")[0] ?? "";
  const network = await filesOfTree(files);
  loaded = undefined;
  const { classes } = await ask({ ask: "load", files: network });
  const entry = { id: `page:${title}`, title, path: title, classes, files: network };
  given.set(entry.id, entry);
  loaded = entry.id;
  return entry;
}

/** A network's detections in a picture file. */
export async function lookWith(id: string, bytes: Uint8Array, file: string): Promise<readonly NamedDetection[]> {
  const model = given.get(id);
  if (model === undefined) throw new PhinetsError("studio.missing", "there is no such model in this page; open it");
  // Questions are answered in order, so another caller can load its own network in between.
  const ready = loaded === id ? undefined : ask({ ask: "load", files: model.files });
  loaded = id;
  const looked = ask({ ask: "look", bytes, file });
  await ready;
  return (await looked).boxes;
}
