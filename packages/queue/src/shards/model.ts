/** A run's model as files in the store, as shards refer to it. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Run } from "@phinets/node/run";
import type { Stored } from "../store/store.js";
import type { Put } from "./ask.js";
import { type ModelFiles, modelPlaces } from "./job.js";

/** Puts the files of a run's model into the store. */
export async function packModel(
  { folder, weightsFile }: Pick<Run, "folder" | "weightsFile">,
  form: "float" | "int8" | "firmware",
  put: Put,
): Promise<ModelFiles> {
  const place = (name: keyof ModelFiles): string => join(folder, modelPlaces[name]);
  const ifThere = async (path: string): Promise<Stored | undefined> => (existsSync(path) ? put(path) : undefined);
  const network = await put(place("network"));
  const weights = weightsFile === undefined ? undefined : await put(weightsFile);
  if (form === "float") return { network, weights };
  return {
    ...{ network, weights },
    quantized: await ifThere(place("quantized")),
    quantizedWeights: await ifThere(place("quantizedWeights")),
    ...(form === "firmware" && { target: await ifThere(place("target")) }),
  };
}
