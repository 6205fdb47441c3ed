/**
 * Loads the weights that a training starts from: matching tensors of a run, a .safetensors or a .pth. The rest is
 * initialised anew.
 */
import { existsSync, readFileSync, statSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import type { Graph } from "@phinets/core/graph";
import { buildNetwork, importWeights, type Network } from "@phinets/core/networks";
import { decodeSafetensors, encodeSafetensors, type FloatWeights, PhinetsError } from "@phinets/core/tensor";
import { fineTuningRates, type Recipe } from "@phinets/core/training";
import { loadNetwork } from "../run/load.js";
import { carryChannels, carryHead } from "./carry-head.js";
import { sha256 } from "./hash.js";

export interface Pretrained {
  /** Absolute path. */
  readonly file: string;
  readonly sha256: string;
  /** The tensors that were taken, by the network's names. */
  weights(): FloatWeights;
  /** Tensors of the network that are initialised anew, with the reason. */
  readonly left: readonly { readonly name: string; readonly reason: string }[];
  /** Where the run had other classes: those whose predictions are reused, and those that are initialised anew. */
  readonly classes?: { readonly kept: readonly string[]; readonly added: readonly string[] };
}

/** The run folder that a path of weights names or lies in (in its `weights/`). */
export function runOfWeights(path: string): string | undefined {
  const folder = basename(dirname(path)) === "weights" ? dirname(dirname(path)) : path;
  return existsSync(join(folder, "network.json")) ? folder : undefined;
}

/**
 * Reads weights for a network. Tensors that match by name and shape are taken. Of the prediction layer, where the
 * weights belong to a run, the parts with the same meaning are taken: all of it for equal classes, anchors and decoder;
 * boxes, objectness and the common classes where some classes differ; else none. Throws PhinetsError when no layer's
 * weights match, or the file cannot be read.
 */
export function loadPretrained(path: string, network: Network): Pretrained {
  const file = fileOf(path);
  const bytes = readWeights(file);
  const plain = plainWeights(bytes, file);
  const graph = buildNetwork(network);
  const { weights, report } = importWeights(plain, file, graph);
  let left = [
    ...report.missing.map((name) => ({ name, reason: "not in the file" })),
    ...report.misshaped.map(({ name, found, needed }) => ({
      name,
      reason: `[${found}] in the file, [${needed}] needed`,
    })),
  ];
  let classes: Pretrained["classes"];
  const run = runOfWeights(file);
  const trained = run === undefined ? undefined : loadNetwork(join(run, "network.json"));
  if (trained !== undefined) {
    const carried = carryHead(trained.head, network.head);
    const predicting = predictingParameters(graph);
    if (carried === undefined) {
      for (const name of predicting) {
        if (!(name in weights)) continue;
        delete weights[name];
        left.push({ name, reason: "it predicted other classes or anchors" });
      }
    } else if (carried.channels.some((from, i) => from !== i)) {
      const before = importWeights(plain, file, buildNetwork(trained)).weights;
      const fits = (name: string) => {
        const { shape } = graph.parameters[name];
        return name in before && before[name].shape.slice(1).join() === shape.slice(1).join();
      };
      if (predicting.every(fits)) {
        for (const name of predicting) weights[name] = carryChannels(before[name], carried.channels);
        left = left.filter(({ name }) => !predicting.includes(name));
        classes = carried;
      }
    }
  }
  // A prediction layer alone is useless: it depends on the features that it was trained on.
  const features = Object.keys(weights).filter((name) => !predictingParameters(graph).includes(name));
  if (!features.some((name) => graph.parameters[name].kind === "weight")) {
    const reasons = left.slice(0, 3).map(({ name, reason }) => `${name}: ${reason}`);
    throw new PhinetsError(
      "train.weights",
      `${file}: no layer of it fits the network (${reasons.join("; ")}); name weights of a network of the same family and widths`,
      file,
    );
  }
  return { file, sha256: sha256(bytes), weights: () => weights, left, classes };
}

/**
 * The weights that a run was started from. Calling `weights` reads the file, which is needed only while the run has no
 * checkpoint; it throws `run.resume` where the file has changed.
 */
export function recordedWeights(
  recorded: Pick<Pretrained, "file" | "sha256">,
  network: Network,
): Pick<Pretrained, "file" | "sha256" | "weights"> & { readonly left: [] } {
  const weights = () => {
    const { file, sha256, weights } = loadPretrained(recorded.file, network);
    if (sha256 === recorded.sha256) return weights();
    throw new PhinetsError(
      "run.resume",
      `${file}: is not the file that the run was started from (SHA-256 ${sha256.slice(0, 12)}, not ${recorded.sha256.slice(0, 12)}); restore it or start a new run`,
      file,
    );
  };
  return { ...recorded, weights, left: [] };
}

function fileOf(path: string): string {
  if (!existsSync(path) || !statSync(path).isDirectory()) return resolve(path);
  const file = resolve(path, "weights/best.safetensors");
  if (existsSync(file)) return file;
  throw new PhinetsError(
    "train.weights",
    `${path}: has no weights/best.safetensors; --weights takes a run folder, a .safetensors or a .pth`,
    path,
  );
}

function readWeights(file: string): Uint8Array {
  try {
    return readFileSync(file);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new PhinetsError(
      "train.weights",
      `${file}: ${code === "ENOENT" ? "no such file" : `cannot be read (${code})`}; --weights takes a run folder, a .safetensors or a .pth`,
      file,
    );
  }
}

/**
 * A training checkpoint's averaged weights, or its current weights before the first average; other files are returned
 * unchanged.
 */
function plainWeights(bytes: Uint8Array, file: string): Uint8Array {
  const header = Buffer.from(bytes.subarray(8, 4096)).toString("latin1");
  if (!header.startsWith("{") || !header.includes("phinets-checkpoint-1")) return bytes;
  const { weights } = decodeSafetensors(bytes, file);
  const prefix = Object.keys(weights).some((name) => name.startsWith("ema/")) ? "ema/" : "parameters/";
  const chosen = Object.entries(weights).filter(([name]) => name.startsWith(prefix));
  return encodeSafetensors(Object.fromEntries(chosen.map(([name, value]) => [name.slice(prefix.length), value])));
}

/** Parameters of the last layer that has any. */
function predictingParameters(graph: Graph): string[] {
  const last = graph.nodes.findLast(({ parameters }) => Object.keys(parameters).length > 0);
  return Object.values(last?.parameters ?? {});
}

/** The recipe with the learning rate that suits the weights that training starts from, unless `given` sets one. */
export function startingRecipe(
  recipe: Recipe,
  given: Partial<Recipe>,
  start: Pick<Pretrained, "left" | "classes"> | undefined,
): Recipe {
  if (start === undefined || given.learningRate !== undefined) return recipe;
  const whole = start.left.length === 0 && (start.classes === undefined || start.classes.added.length === 0);
  return { ...recipe, learningRate: whole ? fineTuningRates.whole : fineTuningRates.part };
}

/** Describes what was taken and what was not. */
export function describePretrained({ file, weights, left, classes }: Pretrained): string[] {
  const taken = Object.keys(weights()).length;
  const shown = left.slice(0, 6).map(({ name, reason }) => `${name} (${reason})`);
  const more = left.length > shown.length ? ` and ${left.length - shown.length} more` : "";
  return [
    `weights: ${taken} of ${taken + left.length} tensors from ${file}`,
    ...(left.length > 0 ? [`not used, these start untrained: ${shown.join(", ")}${more}`] : []),
    ...(classes === undefined ? [] : [describeClasses(classes)]),
  ];
}

function describeClasses({ kept, added }: NonNullable<Pretrained["classes"]>): string {
  const starts = added.length > 0 ? `; new classes start untrained: ${added.join(", ")}` : "";
  return `the classes differ from those of the weights; class-independent outputs are kept, and those for: ${kept.join(", ")}${starts}`;
}
