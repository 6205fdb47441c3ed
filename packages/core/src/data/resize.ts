/** Resizes, crops and letterboxes pictures, and maps boxes accordingly. Pixels are computed in resample.ts. */
import { PhinetsError } from "../tensor/index.js";
import { resampleInto } from "./resample.js";
import type { BoxLabel, Fit, Picture, PictureSize, SourceRect } from "./types.js";
import { letterboxGrey } from "./types.js";

function checkSizes(picture: Picture, size: PictureSize): void {
  if (picture.data.length !== picture.width * picture.height * picture.channels || picture.data.length === 0) {
    throw new PhinetsError(
      "data.resize",
      `resize: a ${picture.width}x${picture.height} picture of ${picture.channels} channels needs ${picture.width * picture.height * picture.channels} bytes and at least one, not ${picture.data.length}`,
    );
  }
  for (const side of [size.width, size.height]) {
    if (!Number.isInteger(side) || side < 1) {
      throw new PhinetsError(
        "data.resize",
        `resize: ${size.width}x${size.height} is not a size; sides are integers of at least 1`,
      );
    }
  }
}

/** The whole picture at another size, 8 bits; the same object if the size already matches. */
export function resize(picture: Picture, size: PictureSize): Picture {
  checkSizes(picture, size);
  if (picture.width === size.width && picture.height === size.height) return picture;
  return crop(picture, { x: 0, y: 0, width: picture.width, height: picture.height }, size);
}

/**
 * Resamples the rectangle `rect` of the picture (in fractional picture pixels, possibly beyond its edges) to `size`.
 * Output pixels whose centre is outside the picture become `fill`; the others read only picture pixels, so
 * `crop(p, whole(p), size)` equals `resize(p, size)`.
 * @param fill grey value 0..255
 */
export function crop(picture: Picture, rect: SourceRect, size: PictureSize, fill = letterboxGrey): Picture {
  const { width, height } = size;
  checkSizes(picture, size);
  const data = new Uint8Array(width * height * picture.channels);
  const target = { width, height, channels: picture.channels, data };
  cropInto(picture, rect, target, { x: 0, y: 0, width, height }, fill);
  return target;
}

/**
 * Like `crop`, but into the rectangle `region` (whole pixels, inside) of `target`, which has the picture's channels.
 * Only the pixels covered by `rect` are read, so the time is proportional to that part.
 * @param mirrored whether left and right are swapped
 */
export function cropInto(
  picture: Picture,
  rect: SourceRect,
  target: Picture,
  region: SourceRect,
  fill = letterboxGrey,
  mirrored = false,
): void {
  if (!(rect.width > 0 && rect.height > 0 && Number.isFinite(rect.x + rect.y + rect.width + rect.height))) {
    throw new PhinetsError(
      "data.crop",
      `crop: rectangle x ${rect.x}, y ${rect.y}, ${rect.width} x ${rect.height} is empty; sides are above 0 pixels`,
    );
  }
  checkSizes(picture, region);
  resampleInto(picture, rect, target, region, fill, mirrored);
}

/**
 * The source rectangle that `fit` maps onto an input of `size`: the picture itself for `stretch`; for `letterbox` the
 * picture, centred, with the bars that give it the input's shape.
 */
export function fitRect(picture: PictureSize, size: PictureSize, fit: Fit): SourceRect {
  const { width, height } = picture;
  if (fit === "stretch" || width * size.height === height * size.width) return { x: 0, y: 0, width, height };
  if (width * size.height > height * size.width) {
    const tall = (width * size.height) / size.width;
    return { x: 0, y: (height - tall) / 2, width, height: tall };
  }
  const wide = (height * size.width) / size.height;
  return { x: (width - wide) / 2, y: 0, width: wide, height };
}

/** The picture as the network sees it without augmentation: resized, with bars if `fit` is letterbox. */
export function fitPicture(picture: Picture, size: PictureSize, fit: Fit): Picture {
  const rect = fitRect(picture, size, fit);
  if (rect.width === picture.width && rect.height === picture.height) return resize(picture, size);
  return crop(picture, rect, size);
}

/** Converts a box from fractions of the picture to fractions of `rect`; the result may exceed 0..1. */
export function boxIntoRect<B extends Omit<BoxLabel, "class">>(box: B, picture: PictureSize, rect: SourceRect): B {
  return {
    ...box,
    x: (box.x * picture.width - rect.x) / rect.width,
    y: (box.y * picture.height - rect.y) / rect.height,
    width: (box.width * picture.width) / rect.width,
    height: (box.height * picture.height) / rect.height,
  };
}

/**
 * Inverse of `boxIntoRect`: converts a box from fractions of `rect` (the network's input) to fractions of the picture.
 */
export function boxFromRect<B extends Omit<BoxLabel, "class">>(box: B, picture: PictureSize, rect: SourceRect): B {
  return {
    ...box,
    x: (box.x * rect.width + rect.x) / picture.width,
    y: (box.y * rect.height + rect.y) / picture.height,
    width: (box.width * rect.width) / picture.width,
    height: (box.height * rect.height) / picture.height,
  };
}
