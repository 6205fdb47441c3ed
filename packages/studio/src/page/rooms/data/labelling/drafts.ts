/**
 * Boxes that are not saved yet, in the browser's storage, where they survive a reload of the page and an unreachable
 * server. Keyed by what was opened (`LabelRequests.identity`), data set and picture.
 */
import type { EditedBox } from "@phinets/core/data";
import type { PictureName } from "../../../datasets/labels.js";

export interface Draft {
  readonly boxes: readonly EditedBox[];
  /** Version of the labels on which the boxes were drawn. */
  readonly version: string;
  /** Names of the class numbers. */
  readonly classes: readonly string[];
}

/** A picture, and the identity of what was opened. */
export interface DraftName extends PictureName {
  readonly identity: string;
}

const start = (identity: string): string => `phinets-labels ${JSON.stringify([identity]).slice(0, -1)},`;

const keyOf = ({ identity, set, picture }: DraftName): string => start(identity) + JSON.stringify([set, picture]);

/** False where the browser could not store it. */
export function keepDraft(name: DraftName, draft: Draft): boolean {
  try {
    localStorage.setItem(keyOf(name), JSON.stringify(draft));
    return true;
  } catch {
    return false;
  }
}

export function dropDraft(name: DraftName): void {
  localStorage.removeItem(keyOf(name));
}

export function draftOf(name: DraftName): Draft | undefined {
  const text = localStorage.getItem(keyOf(name));
  if (text === null) return undefined;
  try {
    const draft = JSON.parse(text) as Draft;
    const isWhole = Array.isArray(draft.boxes) && typeof draft.version === "string" && Array.isArray(draft.classes);
    return isWhole ? draft : undefined;
  } catch {
    return undefined;
  }
}

/** Pictures of an opened folder that have drafts. */
export function draftedPictures(identity: string): PictureName[] {
  const before = start(identity);
  return Object.keys(localStorage)
    .filter((key) => key.startsWith(before))
    .flatMap((key) => {
      try {
        const [set, picture] = JSON.parse(key.slice(before.length)) as [string, string];
        return [{ set, picture }];
      } catch {
        return [];
      }
    });
}
