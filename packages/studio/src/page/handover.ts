/** A picture that another room hands to Data, which opens it when it is entered. */
import type { SavedFrame } from "../shared/try.js";

let handed: SavedFrame | undefined;

export function handOver(picture: SavedFrame): void {
  handed = picture;
}

/** What was handed over, once. */
export function takeHandedOver(): SavedFrame | undefined {
  const taken = handed;
  handed = undefined;
  return taken;
}
