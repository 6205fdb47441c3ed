/** Worker that runs a network which suggests boxes. */
import { Model, type NamedDetection, readModel } from "@phinets/core/model";
import { PhinetsError } from "@phinets/core/tensor";
import { answerEach } from "../answer.js";
import type { NetworkFiles } from "../files/network-files.js";
import { pixelsOf } from "../files/pictures.js";

export type SuggestQuestion =
  /** Loads the network for the following questions. */
  | { readonly ask: "load"; readonly files: NetworkFiles }
  /** Detects objects in a picture file. */
  | { readonly ask: "look"; readonly bytes: Uint8Array; readonly file: string };

export interface SuggestAnswer {
  readonly classes: readonly string[];
  readonly boxes: readonly NamedDetection[];
}

let model: Model | undefined;

answerEach(async (question: SuggestQuestion): Promise<readonly [SuggestAnswer]> => {
  if (question.ask === "load") {
    await model?.dispose();
    model = undefined;
    // The same choice as `phinets predict` makes.
    const on = "quantized.json" in question.files ? "int8" : "float";
    const loaded = await Model.of(await readModel(question.files, on), { on });
    if (loaded.task !== "detect") {
      await loaded.dispose();
      throw new PhinetsError(
        "model.head",
        "the network is a classifier, which draws no boxes; choose a detector's run",
      );
    }
    model = loaded;
    return [{ classes: loaded.classes, boxes: [] }];
  }
  if (model === undefined) throw new PhinetsError("model.files", "there is no network; open one first");
  return [{ classes: model.classes, boxes: model.detect(await pixelsOf(question.bytes, question.file)) }];
});
