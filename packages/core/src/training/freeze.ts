/** Resolves the `freeze` option: which layers are not trained. */
import type { Graph } from "../graph/index.js";
import { PhinetsError } from "../tensor/index.js";

/**
 * A backbone has one module per `_layers.N.*` or `features.N.*`; other modules (head, classifier) go by their first
 * name.
 */
const moduleOf = (layer: string): string => /^(?:_layers|features)\.\d+|^[^.]+/.exec(layer)![0];

const isBackbone = (module: string): boolean => /^(_layers|features)\./.test(module);

/**
 * Names of the nodes with parameters that `freeze` selects; undefined for none ("").
 * @param freeze a number n: the first n modules (`_layers.1`, `_layers.2`, ... or `features.0`, ..., then the head);
 *   "backbone": all but the head; otherwise comma-separated names, with `*` for any characters, where a name selects a
 *   layer and everything inside it
 * @throws PhinetsError when it selects nothing or everything.
 */
export function frozenLayers(graph: Graph, freeze: string): ReadonlySet<string> | undefined {
  if (freeze === "") return undefined;
  const layers = graph.nodes.filter(({ parameters }) => Object.keys(parameters).length > 0).map(({ name }) => name);
  const modules = [...new Set(layers.map(moduleOf))];
  const means = meaning(freeze, modules);
  const frozen = new Set(layers.filter(means));
  if (frozen.size > 0 && frozen.size < layers.length) return frozen;
  const problem = frozen.size === 0 ? "means no layer" : "leaves nothing to train";
  throw new PhinetsError(
    "training.option",
    `freeze "${freeze}" ${problem}; name a number from 1 to ${modules.length - 1}, backbone, or some of ${modules.join(", ")}`,
    "freeze",
  );
}

function meaning(freeze: string, modules: readonly string[]): (layer: string) => boolean {
  if (/^\d+$/.test(freeze)) {
    const first = modules.slice(0, Number(freeze));
    return (layer) => first.includes(moduleOf(layer));
  }
  if (freeze === "backbone") return (layer) => isBackbone(moduleOf(layer));
  const patterns = freeze.split(",").map((name) => {
    const text = name
      .trim()
      .replace(/[^\w*]/g, "\\$&")
      .replaceAll("*", ".*");
    return new RegExp(`^${text}(\\.|$)`);
  });
  return (layer) => patterns.some((pattern) => pattern.test(layer));
}
