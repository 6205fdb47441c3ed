/**
 * Gives all frames of a clip the size of the first. A frame of another size is scaled to fit, with bars where its
 * aspect ratio differs.
 */
import { fitPicture, fitRect, type Picture, type PictureSize } from "@phinets/core/data";

/** Corners of a box in pixels. */
interface Corners {
  readonly x1: number;
  readonly y1: number;
  readonly x2: number;
  readonly y2: number;
}

export class ClipSize {
  #size: PictureSize | undefined;
  #other = false;

  /** @param onOther called once, at the first frame of another size */
  constructor(readonly onOther: (message: string) => void = () => {}) {}

  /** The frame at the clip's size; the same object where it has that size already. */
  frame(picture: Picture, number: number): Picture {
    const { width, height } = picture;
    this.#size ??= { width, height };
    const size = this.#size;
    if (width === size.width && height === size.height) return picture;
    if (!this.#other) {
      this.onOther(
        `frame ${number} is ${width}x${height}, the first ${size.width}x${size.height}: frames of other sizes, and their boxes, are scaled to the first one's`,
      );
    }
    this.#other = true;
    return fitPicture(picture, size, "letterbox");
  }

  /** Converts a box from pixels of `picture` to pixels of the clip. */
  box<T extends Corners>(box: T, picture: PictureSize): T {
    const size = this.#size ?? picture;
    if (picture.width === size.width && picture.height === size.height) return box;
    const rect = fitRect(picture, size, "letterbox");
    const [across, down] = [size.width / rect.width, size.height / rect.height];
    return {
      ...box,
      x1: (box.x1 - rect.x) * across,
      y1: (box.y1 - rect.y) * down,
      x2: (box.x2 - rect.x) * across,
      y2: (box.y2 - rect.y) * down,
    };
  }
}
