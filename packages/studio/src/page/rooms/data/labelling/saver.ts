/**
 * Saves the boxes of one picture shortly after each change, and retries until it succeeds. Unsaved boxes are kept as a
 * draft in the browser's storage.
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
  /** Saving is retried, unless `changed`: somebody else has changed the labels. */
  | { readonly kind: "failed"; readonly message: string; readonly changed: boolean };

export interface SaverOptions {
  /** Where the boxes are saved, whatever is opened in the meantime. */
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
  /** Index in the file, by a box's id. */
  #rows: Map<number, number>;
  #wanted: readonly DrawnBox[];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #running: Promise<void> | undefined;
  /** Whether there is something to save: changed boxes, or the fact that there are none. */
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

  /** The current boxes, saved or not. */
  get boxes(): readonly DrawnBox[] {
    return this.#wanted;
  }

  /** Sets the boxes to save. */
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

  /**
   * Saves now; true where everything is saved. @param even also save unchanged boxes, which marks the picture as
   * labelled
   */
  async flush({ even = false } = {}): Promise<boolean> {
    // One save at a time: each needs the version that the previous one returned.
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

  /** After somebody else has changed the labels: replaces them by these boxes. @param version of the changed labels */
  async overwrite(version: string): Promise<boolean> {
    this.#version = version;
    this.#rows = new Map();
    return this.flush({ even: true });
  }

  /** Gives up unsaved changes. */
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

  /** If a save's response was lost, the file has changed because of the save itself: it then has these boxes. */
  async #wasSaved(boxes: readonly DrawnBox[]): Promise<boolean> {
    try {
      const document = await this.#labels.read(this.name);
      const found = inPageClasses(this.#set, document.boxes, document.classes);
      const rows = document.labelled ? matchBoxes(boxes, found) : undefined;
      if (rows !== undefined) this.#noteSaved(boxes, { ...document, rows });
      return rows !== undefined;
    } catch {
      return false; // the save's own error is reported
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

/** Index in `b` of each box of `a`, where both hold the same boxes except for rounding; else undefined. */
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
