/** Scales pictures, and their boxes with them, down to a size that can be embedded in the report. */
import type { BoxLabel, Picture } from "@phinets/core/data";
import type { Detection } from "@phinets/core/detection";
import type { Track } from "@phinets/core/tracking";
import { encodeJpeg } from "../picture/files.js";
import { scaleTo } from "../picture/sheet.js";
import type { Prediction, ReportBox, ReportPicture, TrackedFrame } from "./data.js";

/** Longer side of a picture in the report. */
const reportSide = 360;

/** A picture for the report, never enlarged. `side`: its longer side at most, in pixels. */
export async function reportPicture(picture: Picture, side = reportSide): Promise<ReportPicture> {
  const longer = Math.max(picture.width, picture.height);
  const small = longer > side ? scaleTo(picture, side) : picture;
  return { width: small.width, height: small.height, jpeg: await encodeJpeg(small, 78) };
}

/**
 * A detector's prediction: `truths` are centre, width and height in fractions of the picture, as labels are;
 * `detections` are in pixels of `picture`.
 */
export async function detectionPrediction(
  caption: string,
  picture: Picture,
  truths: readonly BoxLabel[],
  detections: readonly Detection[],
): Promise<Prediction> {
  const small = await reportPicture(picture);
  const truthBoxes = truths.map(
    ({ class: index, x, y, width, height }): ReportBox => ({
      class: index,
      x: (x - width / 2) * small.width,
      y: (y - height / 2) * small.height,
      width: width * small.width,
      height: height * small.height,
    }),
  );
  const scale = small.width / picture.width;
  return {
    caption,
    picture: small,
    truths: truthBoxes,
    detections: detections.map((box) => ({ ...box, ...scaled(box, scale) })),
  };
}

/** A frame with its tracks (pixels of `picture`). */
export async function trackedFrame(number: number, picture: Picture, tracks: readonly Track[]): Promise<TrackedFrame> {
  const small = await reportPicture(picture);
  const scale = small.width / picture.width;
  const boxes = tracks.map(({ id, x1, y1, x2, y2 }) => ({
    id,
    ...scaled({ x: x1, y: y1, width: x2 - x1, height: y2 - y1 }, scale),
  }));
  return { number, picture: small, tracks: boxes };
}

function scaled({ x, y, width, height }: Omit<ReportBox, "class">, scale: number) {
  return { x: x * scale, y: y * scale, width: width * scale, height: height * scale };
}
