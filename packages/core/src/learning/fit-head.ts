/** The head that a data set asks for. */
import type { DatasetIndex } from "../data/index.js";
import { clusterAnchors, type DetectionLossName, detectionLosses } from "../detection/index.js";
import { buildNetwork, classNames, type Head, type Network, parseNetwork } from "../networks/index.js";
import { PhinetsError } from "../tensor/index.js";

/** As YOLOv2 (Redmon & Farhadi 2017, section 2): five are a good trade of recall for size. */
const anchorCount = 5;

export interface FitHeadOptions {
  readonly loss: DetectionLossName;
  /** Of the anchors' clustering. */
  readonly seed: number;
  /** Head of the run whose weights the training starts from. */
  readonly trained?: Head;
}

/**
 * The same backbone with the head that the data set asks for: its classes, and for a detector the decoder of the loss and
 * anchors: those of `trained` where it has one of the classes and that decoder, as its weights mean them, else clustered
 * from the training boxes. Of a head that the network already has, `filters`, `neck` and `features` are kept.
 */
export function fitHead(network: Network, dataset: DatasetIndex, { loss, seed, trained }: FitHeadOptions): Network {
  if (network.family === "imported")
    throw new PhinetsError(
      "networks.imported",
      `network: was imported from ${network.source}; imported networks can be quantised, with --qat too, but not trained: train a network of ours`,
      "family",
    );
  if (dataset.task === "classify") {
    const { head } = network;
    const features = head.kind === "classifier" && head.features !== undefined ? { features: head.features } : {};
    return parseNetwork({
      ...network,
      head: { kind: "classifier", classes: dataset.classes, ...features } satisfies Head,
    });
  }
  const given = network.head.kind === "yolov2" ? network.head : undefined;
  const { filters = 128, neck } = given ?? {};
  const kept = { filters, ...(neck !== undefined && { neck }) };
  const anchors = Array.from({ length: anchorCount }, () => [1, 1] as [number, number]);
  const draft: Network = parseNetwork({
    ...network,
    head: { kind: "yolov2", classes: dataset.classes, anchors, ...kept },
  });
  const graph = buildNetwork(draft);
  const [, height, width] = graph.shapes[graph.outputs[0]];
  const shapes = dataset.splits.train.flatMap((sample) =>
    (sample.labels ?? []).flatMap(({ width, height, ignore }) =>
      ignore === undefined ? [[width, height] as const] : [],
    ),
  );
  if (shapes.length === 0) {
    throw new PhinetsError("data.boxes", "the training pictures have no boxes; a detector needs labelled boxes");
  }
  const { decoder } = detectionLosses[loss];
  const keeps = trained?.kind === "yolov2" && trained.decoder === decoder && sharesClasses(trained, dataset.classes);
  if (keeps) return parseNetwork({ ...draft, head: { ...draft.head, anchors: trained.anchors, decoder } });
  const clustered = clusterAnchors(shapes, Math.min(anchorCount, shapes.length), { height, width }, { seed }).anchors;
  return parseNetwork({
    ...draft,
    head: {
      kind: "yolov2",
      classes: dataset.classes,
      ...kept,
      anchors: clustered.map((anchor) => anchor.map((side) => Math.round(side * 1000) / 1000)),
      decoder,
    },
  });
}

/** Whether the anchors of a trained detector go with a head of these classes: one of them is the same thing. */
export function sharesClasses(trained: Head, classes: readonly string[]): boolean {
  return classNames(trained).some((name) => classes.includes(name));
}
