/**
 * Saves the boxes of one picture a moment after each change, and again until it has worked. What is not saved is a draft in
 * the browser's storage.
 */
import type { EditedBox, PixelBox } from "@phinets/core/data";
import type { DrawnBox } from "@phinets/core/labelling";
import { signal } from "@preact/signals";
import type { SavedDocument } from "../../../../shared/labels.js";
import type { UserError } from "../../../api.js";
import type { LabelRequests, PictureName } from "../../../datasets/labels.js";
import { classesOf, inPageClasses, type SetName } from "./class-lists.js";
import { type Draft, type DraftName, dropDraft, keepDraft } from "./drafts.js";

export type SaveState =
  | { readonly kind: "saved" }
  | { readonly kind: "waiting" }
  | { readonly kind: "saving" }
  /** It is tried again, unless `changed`: somebody else changed the labels. */
  | { readonly kind: "failed"; readonly message: string; readonly changed: boolean };

export interface SaverOptions {
  /** Where the boxes are saved, whatever is opened meanwhile. */
  readonly labels: LabelRequests;
  readonly version: string;
  /** In the order of the file. */
  readonly boxes: readonly DrawnBox[];
  readonly onSaved: (saved: SavedDocument) => void;
}

const afterMs = 400;
const firstRetryMs = 1000;
const longestRetryMs = 10_000;

export class Saver {
  readonly state = signal<SaveState>({ kind: "saved" });
  #version: string;
  /** By a box's id: its place in the file. */
  #rows: Map<number, number>;
  #wanted: readonly DrawnBox[];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #running: Promise<void> | undefined;
  /** There is something to save: other boxes, or that there are none. */
  #isDue = false;
  #retryMs = firstRetryMs;
  readonly #onSaved: SaverOptions["onSaved"];
  readonly #labels: LabelRequests;

  constructor(
    readonly name: PictureName,
    { labels, version, boxes, onSaved }: SaverOptions,
  ) {
    this.#labels = labels;
    this.#version = version;
    this.#rows = new Map(boxes.map(({ id }, row) => [id, row]));
    this.#wanted = boxes;
    this.#onSaved = onSaved;
  }

  /** As they are wanted, saved or not. */
  get boxes(): readonly DrawnBox[] {
    return this.#wanted;
  }

  /** The boxes are to be these. */
  want(boxes: readonly DrawnBox[]): void {
    if (boxes === this.#wanted) return;
    this.#wanted = boxes;
    this.#isDue = true;
    const kept = keepDraft(this.#draftName, this.#draft(boxes));
    if (!kept) void this.flush();
    if (this.#isStuck) return;
    this.state.value = { kind: "waiting" };
    this.#later(afterMs);
  }

  /** Saves now; true where all is saved. @param even also where nothing changed: the picture is labelled then */
  async flush({ even = false } = {}): Promise<boolean> {
    // One after another: each save needs the version that the one before made.
    while (this.#running !== undefined) await this.#running;
    this.#isDue ||= even;
    if (!this.#isDue) return true;
    clearTimeout(this.#timer);
    this.#running = this.#save().finally(() => {
      this.#running = undefined;
    });
    await this.#running;
    return this.state.value.kind === "saved";
  }

  /** After somebody else changed the labels: those are read, and these boxes written in their place. */
  async overwrite(version: string): Promise<boolean> {
    this.#version = version;
    this.#rows = new Map();
    return this.flush({ even: true });
  }

  /** What was not saved is given up. */
  abandon(): void {
    clearTimeout(this.#timer);
    this.#isDue = false;
    dropDraft(this.#draftName);
  }

  get #isStuck(): boolean {
    const { value } = this.state;
    return value.kind === "failed" && value.changed;
  }

  #later(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.flush(), ms);
  }

  get #set(): SetName {
    return { set: this.name.set, labels: this.#labels };
  }

  get #draftName(): DraftName {
    return { ...this.name, identity: this.#labels.identity };
  }

  #draft(boxes: readonly DrawnBox[]): Draft {
    const classes = classesOf(this.#set);
    return { boxes: boxes.map((box) => this.#edited(box)), version: this.#version, classes };
  }

  #edited({ id, object: _, ...box }: DrawnBox): EditedBox {
    const row = this.#rows.get(id);
    return row === undefined ? box : { ...box, row };
  }

  #noteSaved(boxes: readonly DrawnBox[], saved: SavedDocument): void {
    this.#version = saved.version;
    this.#rows = new Map(boxes.map(({ id }, n) => [id, saved.rows[n]]));
    this.#retryMs = firstRetryMs;
    if (boxes === this.#wanted) {
      this.#isDue = false;
      dropDraft(this.#draftName);
      this.state.value = { kind: "saved" };
    } else {
      keepDraft(this.#draftName, this.#draft(this.#wanted));
      this.state.value = { kind: "waiting" };
      this.#later(afterMs);
    }
    this.#onSaved(saved);
  }

  /** A save whose answer was lost has changed the file itself: then it has these boxes. */
  async #wasSaved(boxes: readonly DrawnBox[]): Promise<boolean> {
    try {
      const document = await this.#labels.read(this.name);
      const found = inPageClasses(this.#set, document.boxes, document.classes);
      const rows = document.labelled ? matchBoxes(boxes, found) : undefined;
      if (rows !== undefined) this.#noteSaved(boxes, { ...document, rows });
      return rows !== undefined;
    } catch {
      return false; // what the save failed with is said
    }
  }

  async #save(): Promise<void> {
    const boxes = this.#wanted;
    this.state.value = { kind: "saving" };
    try {
      const saved = await this.#labels.save(this.name, this.#draft(boxes));
      this.#noteSaved(boxes, saved);
    } catch (error) {
      const { code, message } = error as UserError;
      if (code === "data.changed" && (await this.#wasSaved(boxes))) return;
      this.state.value = { kind: "failed", message, changed: code === "data.changed" };
      if (this.#isStuck) return;
      this.#later(this.#retryMs);
      this.#retryMs = Math.min(longestRetryMs, 2 * this.#retryMs);
    }
  }
}

/** Where each box of `a` is in `b`, where both are the same boxes but for what files round; else undefined. */
export function matchBoxes(a: readonly PixelBox[], b: readonly PixelBox[]): number[] | undefined {
  if (a.length !== b.length) return undefined;
  const near = (x: number, y: number) => Math.abs(x - y) < 0.01;
  const left = new Set(b.keys());
  const found = a.map((box) => {
    const at = [...left].find((n) => {
      const other = b[n];
      const sides = (["left", "top", "width", "height"] as const).every((side) => near(box[side], other[side]));
      return sides && box.class === other.class;
    });
    if (at !== undefined) left.delete(at);
    return at;
  });
  return found.every((at) => at !== undefined) ? (found as number[]) : undefined;
}
