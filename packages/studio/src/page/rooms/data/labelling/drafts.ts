/**
 * Boxes that are not saved yet, in the browser's own storage: they outlive the page, and a server that was gone. By folder,
 * data set and picture.
 */
import type { EditedBox } from "@phinets/core/data";
import { connection } from "../../../connection.js";
import type { PictureName } from "./requests.js";

export interface Draft {
  readonly boxes: readonly EditedBox[];
  /** Of the labels that the boxes were drawn on. */
  readonly version: string;
  /** What the numbers of the classes stand for. */
  readonly classes: readonly string[];
}

function start(): string {
  const { value } = connection;
  return `phinets-labels ${JSON.stringify([value.kind === "server" ? value.session.path : ""]).slice(0, -1)},`;
}

const keyOf = ({ set, picture }: PictureName): string => start() + JSON.stringify([set, picture]);

/** False where the browser keeps nothing. */
export function keepDraft(name: PictureName, draft: Draft): boolean {
  try {
    localStorage.setItem(keyOf(name), JSON.stringify(draft));
    return true;
  } catch {
    return false;
  }
}

export function dropDraft(name: PictureName): void {
  localStorage.removeItem(keyOf(name));
}

export function draftOf(name: PictureName): Draft | undefined {
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

/** Pictures of the opened folder that have drafts. */
export function draftedPictures(): PictureName[] {
  const before = start();
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
