/**
 * Maps a checkpoint's parameter names to a graph's: names that the authors' code changed over time, and other heads.
 */
import type { Graph } from "../../graph/index.js";

/** Name of the layer that a parameter belongs to: the parameter's name without its last part. */
const layerOf = (name: string): string => name.slice(0, name.lastIndexOf("."));

const blockLayer = /^(_layers\.\d+)\._layers\.(\d+)(?=\.)/;
const backbone = /^(_layers|features)\./;

/**
 * Maps each name of the checkpoint to the graph's name.
 *
 * - A prefix that all names share (`module.` of DataParallel, `model.`) is dropped where the graph does not have it.
 * - Before October 2023 a block with stride 2 had a padding module, so the indices after it were one higher. Where a
 *   block has as many layers with parameters as the graph's block but at other indices, they are matched in order.
 * - The classifier was `new_convolution`, `class_conv2d` and `final_conv`, or `classifier.2`. Where it has as many
 *   layers as the graph's, they are matched in order.
 */
export function renamed(names: readonly string[], graph: Graph): Map<string, string> {
  const own = Object.keys(graph.parameters);
  const prefix = commonPrefix(names, own);
  const bare = names.map((name) => name.slice(prefix.length));
  const layers = new Map<string, string>([...matchBlocks(bare, own), ...matchHead(bare, own)]);
  return new Map(
    names.map((name, i) => {
      const layer = layerOf(bare[i]);
      return [name, (layers.get(layer) ?? layer) + bare[i].slice(layer.length)];
    }),
  );
}

/** The prefix before the backbone in every name; empty where the graph already knows one of the names as it is. */
function commonPrefix(names: readonly string[], own: readonly string[]): string {
  const known = new Set(own);
  if (names.some((name) => known.has(name))) return "";
  const first = own.find((name) => backbone.test(name))?.split(".")[0];
  const example = names.find((name) => name.split(".").includes(first ?? ""));
  if (first === undefined || example === undefined) return "";
  const parts = example.split(".");
  const prefix = parts
    .slice(0, parts.indexOf(first))
    .map((part) => `${part}.`)
    .join("");
  return names.every((name) => name.startsWith(prefix)) ? prefix : "";
}

/** Matches, in order, the layers of blocks whose indices differ. */
function matchBlocks(names: readonly string[], own: readonly string[]): Map<string, string> {
  const indicesOf = (list: readonly string[]): Map<string, number[]> => {
    const indices = new Map<string, Set<number>>();
    for (const name of list) {
      const match = blockLayer.exec(name);
      if (match === null) continue;
      if (!indices.has(match[1])) indices.set(match[1], new Set());
      indices.get(match[1])!.add(Number(match[2]));
    }
    return new Map([...indices].map(([block, set]) => [block, [...set].sort((a, b) => a - b)]));
  };
  const theirs = indicesOf(names);
  const layers = new Map<string, string>();
  for (const [block, indices] of indicesOf(own)) {
    const given = theirs.get(block);
    if (given?.length !== indices.length || given.every((index, i) => index === indices[i])) continue;
    const moved = new Map(given.map((index, i) => [index, indices[i]]));
    for (const name of names) {
      const match = blockLayer.exec(name);
      if (match?.[1] !== block) continue;
      const layer = layerOf(name);
      layers.set(layer, `${block}._layers.${moved.get(Number(match[2]))}${layer.slice(match[0].length)}`);
    }
  }
  return layers;
}

/**
 * Matches the layers of classifiers in order. A detector's head has its own names and is never matched with a
 * classifier.
 */
function matchHead(names: readonly string[], own: readonly string[]): Map<string, string> {
  const headLayers = (list: readonly string[]): string[] => [
    ...new Set(list.filter((name) => !backbone.test(name) && name.includes(".")).map(layerOf)),
  ];
  const [theirs, ours] = [headLayers(names), headLayers(own)];
  const isClassifier = ours.length > 0 && ours.every((layer) => !layer.startsWith("head."));
  if (!isClassifier || theirs.length !== ours.length || theirs.some((layer) => layer.startsWith("head.")))
    return new Map();
  return new Map(theirs.map((layer, i) => [layer, ours[i]]));
}
