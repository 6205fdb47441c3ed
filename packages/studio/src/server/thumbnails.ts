/**
 * Thumbnails, cached in memory by the picture's content: a file that is moved or is in several data sets is decoded
 * once.
 */
import { createHash } from "node:crypto";
import { readStored } from "@phinets/node/files";
import { decodePicture, isIdxReference, mostPictureBytes, thumbnail } from "@phinets/node/picture";

export interface Thumbnail {
  /** Digest of the picture's content. */
  readonly digest: string;
  readonly jpeg: Uint8Array<ArrayBuffer>;
}

interface Kept {
  readonly making: Promise<Uint8Array<ArrayBuffer>>;
  /** 0 until it is made. */
  bytes: number;
}

/** About 10,000 thumbnails. */
const mostBytes = 96 * 1024 * 1024;

export class Thumbnails {
  /** Ordered by last use, oldest first. */
  readonly #kept = new Map<string, Kept>();
  #bytes = 0;

  /**
   * @param file a picture that may be shown
   * @param known digest of the thumbnail that the page has; returns undefined where that is still current
   */
  async of(file: string, known?: string): Promise<Thumbnail | undefined> {
    // A picture of an idx file has no bytes of its own: its pixels are hashed instead.
    const bytes = isIdxReference(file) ? undefined : await readStored(file, { most: mostPictureBytes });
    const hash = createHash("sha256").update(bytes ?? (await decodePicture(file)).data);
    const digest = hash.digest("base64url").slice(0, 27);
    return digest === known ? undefined : { digest, jpeg: await this.#make(digest, file, bytes) };
  }

  #make(digest: string, file: string, bytes: Uint8Array | undefined): Promise<Uint8Array<ArrayBuffer>> {
    const known = this.#kept.get(digest);
    const kept = known ?? { making: thumbnail(file, { bytes }).then((jpeg) => new Uint8Array(jpeg)), bytes: 0 };
    this.#kept.delete(digest);
    this.#kept.set(digest, kept);
    if (known === undefined)
      kept.making.then(
        ({ length }) => this.#count(kept, length),
        () => this.#kept.delete(digest),
      );
    return kept.making;
  }

  #count(made: Kept, length: number): void {
    made.bytes = length;
    this.#bytes += length;
    for (const [digest, { bytes }] of this.#kept) {
      if (this.#bytes <= mostBytes) return;
      if (bytes > 0) this.#kept.delete(digest);
      this.#bytes -= bytes;
    }
  }
}
