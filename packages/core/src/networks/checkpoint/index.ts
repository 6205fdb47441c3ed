/**
 * Imports weights trained elsewhere: reads torch.save and .safetensors files without running anything in them, and
 * matches their tensors with a graph's parameters by name.
 */
import type { Graph, ParameterKind } from "../../graph/index.js";
import {
  channelsFirstShape,
  type FloatWeights,
  PhinetsError,
  type Shape,
  sameShape,
  tensor,
} from "../../tensor/index.js";
import { renamed } from "./names.js";
import { readStateDicts, type StateDict } from "./state-dicts.js";
import type { TensorView } from "./tensor-view.js";

export interface ImportReport {
  /** Keys that lead to the state_dict, e.g. `state_dict`; empty where the file itself is one. */
  readonly path: string;
  /** Parameters of the graph that were loaded. */
  readonly loaded: readonly string[];
  /** Parameters of the graph that the file does not have. */
  readonly missing: readonly string[];
  /** Tensors of the file that the graph does not have. */
  readonly unexpected: readonly string[];
  /** Parameters whose tensor has another shape; both shapes are in PyTorch's layout. */
  readonly misshaped: readonly { readonly name: string; readonly found: Shape; readonly needed: Shape }[];
  /** Number of tensors whose name in the file differs from the graph's. */
  readonly renamed: number;
}

export interface ImportedWeights {
  /** The loaded parameters, in the graph's layouts; all of them only if `requireComplete` accepts `report`. */
  readonly weights: FloatWeights;
  readonly report: ImportReport;
}

/**
 * Reads a weights file for a graph: .pth, .pt, .bin (torch.save, zip and older format; a state_dict, or one inside a
 * checkpoint) or .safetensors. Of several state_dicts, the best match is used. Convolution weights are converted from
 * OIHW to OHWI; `num_batches_tracked` is ignored.
 *
 * @param bytes the file
 * @param file its name, for errors
 * Throws PhinetsError when the file cannot be read or is not safe, or a value is not finite. Missing or unexpected
 * parameters are not an error here: see `requireComplete`.
 */
export function importWeights(bytes: Uint8Array, file: string, graph: Graph): ImportedWeights {
  let best: Match | undefined;
  for (const dict of readStateDicts(bytes, file)) {
    const match = matchDict(dict, graph);
    if (best === undefined || match.chosen.size > best.chosen.size) best = match;
  }
  const { chosen, zeros, report } = best!;
  const weights: FloatWeights = {};
  for (const [name, { view, order }] of chosen) {
    const data = view.read(order);
    const bad = data.findIndex((value) => !Number.isFinite(value));
    if (bad >= 0) {
      throw new PhinetsError(
        "networks.checkpoint",
        `${file}: parameter "${name}" has ${data[bad]} at element ${bad}; the training diverged or the file is damaged, get another`,
        file,
      );
    }
    weights[name] = tensor("float32", graph.parameters[name].shape, data);
  }
  for (const name of zeros) weights[name] = tensor("float32", graph.parameters[name].shape);
  return { weights, report };
}

/** Most parameters of one kind that a message names. */
const mostNamed = 5;

/** Throws PhinetsError listing the missing, unexpected and misshaped parameters, if there are any. */
export function requireComplete(report: ImportReport, file: string): void {
  const parts: string[] = [];
  const list = (what: string, names: readonly string[]): void => {
    if (names.length === 0) return;
    const rest = names.length - mostNamed;
    const shown = names.slice(0, mostNamed).join(", ");
    parts.push(`${names.length} ${what}: ${shown}${rest > 0 ? ` and ${rest} more` : ""}`);
  };
  list("missing", report.missing);
  list("unexpected", report.unexpected);
  list(
    "of another shape",
    report.misshaped.map(({ name, found, needed }) => `${name} [${found}] for [${needed}]`),
  );
  if (parts.length === 0) return;
  throw new PhinetsError(
    "networks.checkpoint-keys",
    `${file}: the weights are not this network's (${report.loaded.length} of its parameters fit); ${parts.join("; ")}`,
    file,
  );
}

interface Match {
  /** By the graph's names: the tensor, and the order of axes in which it is read. */
  readonly chosen: Map<string, { view: TensorView; order: readonly number[] }>;
  /** Biases that the graph has and the file's layers lack; they become zeros. */
  readonly zeros: readonly string[];
  readonly report: ImportReport;
}

function matchDict({ path, tensors }: StateDict, graph: Graph): Match {
  const names = [...tensors.keys()].filter((name) => !/(^|\.)num_batches_tracked$/.test(name));
  const found = new Map<string, TensorView>();
  const unexpected: string[] = [];
  let renames = 0;
  for (const [theirs, ours] of renamed(names, graph)) {
    if (!Object.hasOwn(graph.parameters, ours) || found.has(ours)) unexpected.push(theirs);
    else {
      found.set(ours, tensors.get(theirs)!);
      if (theirs !== ours) renames++;
    }
  }
  const toOwn = isOwnLayout(found, graph) ? (shape: Shape) => shape : channelsFirstShape;
  const chosen: Match["chosen"] = new Map();
  const [missing, zeros] = [[] as string[], [] as string[]];
  const misshaped: { name: string; found: Shape; needed: Shape }[] = [];
  for (const [name, { kind, shape }] of Object.entries(graph.parameters)) {
    const view = found.get(name);
    if (view === undefined) {
      if (isAbsentBias(name, names)) zeros.push(name);
      else missing.push(name);
      continue;
    }
    const needed = toOwn(shape);
    if (!fits(view.shape, needed, kind)) misshaped.push({ name, found: view.shape, needed });
    else {
      const transposed = needed !== shape && view.shape.length === 4;
      chosen.set(name, { view, order: transposed ? [0, 2, 3, 1] : view.shape.map((_, axis) => axis) });
    }
  }
  const loaded = [...chosen.keys()];
  return { chosen, zeros, report: { path, loaded, missing, unexpected, misshaped, renamed: renames } };
}

/** Whether a tensor fits a parameter. On a single pixel, a 1x1 convolution and a dense layer have the same weights. */
function fits(found: Shape, needed: Shape, kind: ParameterKind): boolean {
  if (sameShape(found, needed)) return true;
  const flat = (shape: Shape): Shape | undefined => {
    if (shape.length === 2) return shape;
    const pixel = shape.length === 4 && shape.filter((size) => size === 1).length >= 2;
    return pixel ? [shape[0], shape[1] * shape[2] * shape[3]] : undefined;
  };
  const [a, b] = [flat(found), flat(needed)];
  return kind === "weight" && found.length !== needed.length && a !== undefined && b !== undefined && sameShape(a, b);
}

/** Whether most convolution weights fit as OHWI, the layout of this program's own files, and not as OIHW. */
function isOwnLayout(found: ReadonlyMap<string, TensorView>, graph: Graph): boolean {
  let votes = 0;
  for (const [name, { shape }] of found) {
    const own = graph.parameters[name].shape;
    if (own.length === 4) votes += Number(sameShape(shape, own)) - Number(sameShape(shape, channelsFirstShape(own)));
  }
  return votes > 0;
}

/** The PyTorch port of the paper's code has no biases in squeeze-and-excite, which is equivalent to zero biases. */
function isAbsentBias(name: string, names: readonly string[]): boolean {
  return /\.se_conv2?\.bias$/.test(name) && !names.some((other) => /\.se_conv2?\.bias$/.test(other));
}
