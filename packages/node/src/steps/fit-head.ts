/** The head that a data set asks for. */
import type { DatasetIndex } from "@phinets/core/data";
import { clusterAnchors, type DetectionLossName, detectionLosses } from "@phinets/core/detection";
import { buildNetwork, type Head, type Network, parseNetwork } from "@phinets/core/networks";
import { PhinetsError } from "@phinets/core/tensor";

/** As YOLOv2 (Redmon & Farhadi 2017, section 2): five are a good trade of recall for size. */
const anchorCount = 5;

/**
 * The same backbone with the head that the data set asks for: its classes, and for a detector anchors clustered from the
 * training boxes and the decoder of the loss. Of a head that the network already has, `filters` and `features` are kept.
 */
export function fitHead(network: Network, dataset: DatasetIndex, loss: DetectionLossName, seed: number): Network {
  if (dataset.task === "classify") {
    const { head } = network;
    const features = head.kind === "classifier" && head.features !== undefined ? { features: head.features } : {};
    return parseNetwork({
      ...network,
      head: { kind: "classifier", classes: dataset.classes, ...features } satisfies Head,
    });
  }
  const given = network.head.kind === "yolov2" ? network.head : undefined;
  const filters = given?.filters ?? 128;
  const anchors = Array.from({ length: anchorCount }, () => [1, 1] as [number, number]);
  const draft: Network = parseNetwork({
    ...network,
    head: { kind: "yolov2", classes: dataset.classes, anchors, filters },
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
  const clustered = clusterAnchors(shapes, Math.min(anchorCount, shapes.length), { height, width }, { seed }).anchors;
  return parseNetwork({
    ...draft,
    head: {
      kind: "yolov2",
      classes: dataset.classes,
      filters,
      anchors: clustered.map((anchor) => anchor.map((side) => Math.round(side * 1000) / 1000)),
      decoder: detectionLosses[loss].decoder,
    },
  });
}
