/** A picture that another room passes to the room Data, which opens it when it is entered. */
import type { SavedFrame } from "../shared/try.js";

let handed: SavedFrame | undefined;

export function handOver(picture: SavedFrame): void {
  handed = picture;
}

/** Returns the picture, once. */
export function takeHandedOver(): SavedFrame | undefined {
  const taken = handed;
  handed = undefined;
  return taken;
}
