/** GIF and WebP files with several pictures, read as clips. */
import type { Picture } from "@phinets/core/data";
import { PhinetsError } from "@phinets/core/tensor";
import { readRegular } from "../files/regular-file.js";
import { pictureKind } from "./kinds.js";
import { mostPictureBytes, mostPixels } from "./limits.js";
import { decodePages, loadSharp } from "./sharp.js";

export interface Animation {
  readonly count: number;
  readonly framesPerSecond: number;
  /** Every picture once, in order, as RGB; transparent pixels are composited over grey (114). */
  frames(): AsyncGenerator<Picture, void, undefined>;
}

/** Bytes of pixels to decode at a time: each part decodes the file from its start again. */
const partBytes = 64 << 20;

/** Opens an animation. Undefined for all other files: with a single picture, of another kind, or unreadable. */
export async function openAnimation(file: string): Promise<Animation | undefined> {
  const bytes = await readRegular(file, { most: mostPictureBytes }).catch(() => undefined);
  const kind = bytes && pictureKind(bytes);
  if (bytes === undefined || (kind !== "gif" && kind !== "webp")) return undefined;
  const open = await loadSharp();
  // All pages together may have more pixels than the limit for one picture; each page is checked below.
  const metadata = await open(bytes, { pages: -1, limitInputPixels: false })
    .metadata()
    .catch(() => undefined);
  const { pages: count = 1, delay = [] } = metadata ?? {};
  if (metadata === undefined || count < 2) return undefined;
  const height = metadata.pageHeight ?? metadata.height;
  if (metadata.width * height > mostPixels) {
    const problem = `its pictures are ${metadata.width}x${height}, more than the ${mostPixels} pixels that are decoded`;
    throw new PhinetsError("video.size", `${file}: ${problem}; make it smaller`, file);
  }
  // Delays of at most 10 ms count as 100 ms, as in browsers.
  const ms = delay.reduce((sum, value) => sum + (value > 10 ? value : 100), 0) / delay.length || 100;
  const pageBytes = metadata.width * height * 4;
  let step = Math.max(1, Math.floor(partBytes / pageBytes));
  return {
    count,
    framesPerSecond: Number((1000 / ms).toFixed(3)),
    async *frames() {
      for (let page = 0; page < count; ) {
        let pictures: Picture[];
        try {
          pictures = await decodePages(open(bytes, { page, pages: Math.min(step, count - page) }));
        } catch (error) {
          if (step > 1) {
            step = 1; // find the number of good pictures one by one
            continue;
          }
          const reason = (error as Error).message.split("\n")[0];
          throw new PhinetsError("video.decode", `${file}: cannot decode after ${page} frames: ${reason}`, file);
        }
        page += pictures.length;
        yield* pictures;
      }
    },
  };
}
