/** Worker that trains in the page as `phinets train` does: reads pictures, chooses the network, trains epochs. */
import { browserThreads } from "@phinets/browser";
import {
  type BoxLabel,
  type DatasetIndex,
  fitRect,
  moveBoxes,
  type Picture,
  type PictureSource,
  type Sample,
  shrinkForUse,
} from "@phinets/core/data";
import { createEngine } from "@phinets/core/kernels";
import { figuresOf, fitHead, fittedBatch, learn } from "@phinets/core/learning";
import { type Network, parseNetwork } from "@phinets/core/networks";
import { fit } from "@phinets/core/scaling";
import { loadBoard } from "@phinets/core/target";
import { encodeSafetensors, PhinetsError } from "@phinets/core/tensor";
import { makeRecipe, type Recipe, withClassWeights } from "@phinets/core/training";
import { pixelsOf } from "../../files/pictures.js";

export type Asked =
  | {
      readonly ask: "train";
      readonly index: DatasetIndex;
      /** Addresses of each split's pictures, in the split's order. */
      readonly addresses: Readonly<Record<"train" | "val", readonly string[]>>;
      readonly network: { readonly board: string; readonly imgsz?: number } | { readonly document: unknown };
      readonly recipe: Partial<Recipe>;
      readonly threads: number;
    }
  /** "pause": wait before the next epoch until "go on". */
  | { readonly ask: "pause" | "go on" };

export type Said =
  | { readonly say: "reading"; readonly done: number; readonly total: number }
  | { readonly say: "started"; readonly network: Network; readonly epochs: number }
  | { readonly say: "epoch"; readonly row: Readonly<Record<string, number>>; readonly value?: number }
  | { readonly say: "paused" }
  | {
      readonly say: "finished";
      /** Content of weights/best.safetensors. */
      readonly weights: Uint8Array<ArrayBuffer>;
      readonly sha256: string;
      readonly best: number;
      readonly bestEpoch: number;
    }
  | { readonly say: "failed"; readonly error: { readonly code: string; readonly message: string } };

const say = (what: Said): void => postMessage(what);
/** Ends the pause; undefined while there is none. */
let goOn: (() => void) | undefined;
let isPaused = false;

addEventListener("message", async ({ data: asked }: MessageEvent<Asked>) => {
  if (asked.ask !== "train") {
    isPaused = asked.ask === "pause";
    if (!isPaused) goOn?.();
    return;
  }
  try {
    await train(asked);
  } catch (error) {
    const { message } = error as Error;
    say({ say: "failed", error: { code: error instanceof PhinetsError ? error.code : "studio.bug", message } });
  }
});

async function train({ index, addresses, network: wanted, recipe: given, threads }: Asked & { ask: "train" }) {
  const { task, classes, splits } = index;
  const asked = withClassWeights(makeRecipe(task, given), splits.train, classes.length);
  const backbone = "document" in wanted ? parseNetwork(wanted.document) : solve(wanted, index);
  const network = fitHead(backbone, index, { loss: asked.loss, seed: asked.seed });
  const total = splits.train.length + splits.val.length;
  let done = 0;
  const read = async (use: "training" | "evaluation", samples: readonly Sample[], from: readonly string[]) =>
    sourceOf(network, use, samples, from, () => say({ say: "reading", done: ++done, total }));
  const source = await read("training", splits.train, addresses.train);
  const val = await read("evaluation", splits.val, addresses.val);
  const recipe = fittedBatch(asked, source.length);
  say({ say: "started", network, epochs: recipe.epochs });
  const engine = await createEngine({ threads: threads > 1 ? browserThreads(threads) : undefined });
  try {
    const learnt = await learn({
      ...{ network, recipe, train: source, val, engine, breathe },
      // A training is stopped by ending the worker.
      signal: { throwIfAborted: () => {} },
      now: () => performance.now(),
      async onEpoch({ epoch, losses, metrics, learningRate, imagesPerSecond }) {
        const figures: Record<string, number> = metrics === undefined ? {} : figuresOf(metrics);
        say({
          say: "epoch",
          row: { epoch, ...losses, ...figures, learningRate, imagesPerSecond },
          value: figures.AP50 ?? figures.top1,
        });
        if (!isPaused || epoch === recipe.epochs) return;
        say({ say: "paused" });
        await new Promise<void>((resolve) => {
          goOn = resolve;
        });
      },
    });
    const weights = new Uint8Array(encodeSafetensors(learnt.weights));
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", weights));
    const sha256 = Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
    say({ say: "finished", weights, sha256, best: learnt.best, bestEpoch: learnt.bestEpoch });
  } finally {
    await engine.dispose();
  }
}

/** Solves for a network that fits a board, as --target does. */
function solve({ board, imgsz }: { readonly board: string; readonly imgsz?: number }, { task, classes }: DatasetIndex) {
  const size = imgsz === undefined ? undefined : { height: imgsz, width: imgsz };
  return fit({ board: loadBoard(board), task, classes, imgsz: size }).chosen.network;
}

/** Pictures, shrunk to the size needed for training or evaluation, with their labels. */
async function sourceOf(
  { input }: Network,
  use: "training" | "evaluation",
  samples: readonly Sample[],
  addresses: readonly string[],
  onRead: () => void,
): Promise<PictureSource> {
  const pictures: Picture[] = [];
  const labels: (readonly BoxLabel[] | undefined)[] = [];
  for (const [n, sample] of samples.entries()) {
    const response = await fetch(addresses[n]);
    if (!response.ok)
      throw new PhinetsError(
        "data.picture",
        `${sample.file}: cannot be read (${response.status}); open the data set again`,
      );
    const picture = await pixelsOf(new Uint8Array(await response.arrayBuffer()), sample.file);
    pictures.push(shrinkForUse(picture, { ...input, use }));
    labels.push(
      use === "training"
        ? sample.labels
        : sample.labels && moveBoxes(sample.labels, picture, fitRect(picture, input, "stretch"), input),
    );
    onRead();
  }
  return {
    length: samples.length,
    at: (n) => ({ picture: pictures[n], labels: labels[n], class: samples[n].class }),
  };
}

const channel = new MessageChannel();
/** Steps block the worker: lets messages in. */
function breathe(): Promise<void> {
  return new Promise((resolve) => {
    channel.port1.onmessage = () => resolve();
    channel.port2.postMessage(undefined);
  });
}
