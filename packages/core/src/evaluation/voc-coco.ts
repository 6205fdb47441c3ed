/** Converts VOC's boxes to COCO's form, for error costs, confusion matrices and F1 over the confidence. */
import type { VocDetections, VocObject } from "../data/index.js";
import type { CocoDetection, CocoGroundTruth } from "./coco.js";

/**
 * Inclusive corners become sizes that are one pixel larger; difficult objects count neither as right nor as wrong.
 * Pictures are numbered in the maps' order, classes by name.
 */
export function vocAsCoco(
  truth: ReadonlyMap<string, readonly VocObject[]>,
  detections: ReadonlyMap<string, VocDetections>,
): { readonly truth: CocoGroundTruth; readonly found: readonly CocoDetection[] } {
  const picture = new Map([...truth.keys()].map((name, id) => [name, id]));
  const objects = [...truth.values()].flat();
  const names = [...new Set([...objects.map(({ name }) => name), ...detections.keys()])].sort();
  const category = new Map(names.map((name, id) => [name, id]));
  const bbox = (xmin: number, ymin: number, xmax: number, ymax: number) => [
    xmin,
    ymin,
    xmax - xmin + 1,
    ymax - ymin + 1,
  ];
  return {
    truth: {
      images: [...picture.values()].map((id) => ({ id })),
      categories: names.map((name, id) => ({ id, name })),
      annotations: [...truth].flatMap(([image, list]) =>
        list.map(({ name, bbox: [xmin, ymin, xmax, ymax], difficult }) => ({
          image_id: picture.get(image)!,
          category_id: category.get(name)!,
          bbox: bbox(xmin, ymin, xmax, ymax),
          iscrowd: difficult,
          difficult,
        })),
      ),
    },
    found: [...detections].flatMap(([name, { images, scores, boxes }]) =>
      images.map((image, i) => ({
        image_id: picture.get(image)!,
        category_id: category.get(name)!,
        bbox: bbox(boxes[4 * i], boxes[4 * i + 1], boxes[4 * i + 2], boxes[4 * i + 3]),
        score: scores[i],
      })),
    ),
  };
}
