/** State of labelling: the open picture, its boxes, and messages. */
import type { PixelBox } from "@phinets/core/data";
import {
  beginEditing,
  type EditAction,
  type Editing,
  edit,
  redo,
  select,
  selectedOf,
  undo,
} from "@phinets/core/labelling";
import { computed, signal } from "@preact/signals";
import { withSaved } from "../../../../shared/data.js";
import type { LabelDocument, ModelEntry } from "../../../../shared/labels.js";
import type { LabelRequests, PictureName } from "../../../datasets/labels.js";
import type { Given } from "../../../files/given-files.js";
import { catalogue, source } from "../store.js";
import { classesOf, inPageClasses, meetClasses, type SetName } from "./class-lists.js";
import { draftedPictures, draftOf } from "./drafts.js";
import { Saver } from "./saver.js";
import { seenPart } from "./viewport.js";

/** A picture, and where its labels are. */
type Place = PictureName & SetName;

export interface Open extends Place {
  /** For `img`. */
  readonly address: string;
  readonly saver: Saver;
  readonly labelled: boolean;
}

export const open = signal<Open | undefined>(undefined);
export const editing = signal<Editing>(beginEditing({ width: 1, height: 1 }, []));
/** Classes of the open picture's data set. */
export const classes = computed(() => (open.value === undefined ? [] : classesOf(open.value)));
/** Class of the next box. */
export const activeClass = signal(0);
/** The latest result or problem, to show. */
export const message = signal("");
export const models = signal<readonly ModelEntry[] | undefined>(undefined);
export const model = signal("");
export const isHelpOpen = signal(false);

export const selected = computed(() => selectedOf(editing.value));

/** Savers of pictures whose boxes are not all saved. */
const unsaved = new Map<string, Saver>();

const keyOf = ({ labels, set, picture }: Place): string => JSON.stringify([labels.identity, set, picture]);

addEventListener("beforeunload", (event) => {
  if ([...unsaved.values()].some(({ state }) => state.value.kind !== "saved")) event.preventDefault();
});

/** Whether a picture is being opened or predicted: actions wait meanwhile, so that they apply to the right picture. */
let isBusy = false;
let waiting: (() => void)[] = [];

/** Performs an action now, or once current work is done. */
export function perform(work: () => void): void {
  if (isBusy) waiting.push(work);
  else work();
}

/** Runs work that later actions wait for. If it fails, the error is shown and the waiting actions are dropped. */
export async function whileBusy(work: () => Promise<void>): Promise<void> {
  if (isBusy) return new Promise((resolve) => waiting.push(() => void whileBusy(work).then(resolve)));
  isBusy = true;
  try {
    await work();
  } catch (error) {
    waiting = [];
    message.value = (error as Error).message;
  }
  isBusy = false;
  while (!isBusy && waiting.length > 0) waiting.shift()!();
}

/** Opens a picture by its path in the shown data set. */
export const openPicture = (picture: string): Promise<void> => whileBusy(() => show(picture));

async function show(picture: string): Promise<void> {
  const [set, labels] = [catalogue.value?.path, source.value?.labels];
  if (set === undefined || labels === undefined) return;
  const name = { labels, set, picture };
  message.value = "";
  const document = await labels.read(name);
  const address = await labels.address(name);
  const known = unsaved.get(keyOf(name));
  const begun = known === undefined ? begin(name, document) : { saver: known, start: known.boxes };
  if (open.value === undefined || keyOf({ ...open.value, picture }) !== keyOf(name)) activeClass.value = 0;
  const start = beginEditing(document.size, []);
  const nextId = begun.start.reduce((most, { id }) => Math.max(most, id + 1), 0);
  editing.value = { ...start, boxes: begun.start, nextId };
  open.value = { ...name, address, saver: begun.saver, labelled: document.labelled };
}

function begin(name: Place, document: LabelDocument) {
  const own = inPageClasses(name, document.boxes, document.classes);
  const { boxes } = beginEditing(document.size, own);
  const { labels } = name;
  const draft = draftOf({ ...name, identity: labels.identity });
  const saver = new Saver(name, {
    labels,
    // If the file was changed since, the saver notices and asks.
    version: draft?.version ?? document.version,
    boxes,
    onSaved: (saved) => {
      noteSaved(name, saved);
      if (saver.state.value.kind === "saved") unsaved.delete(keyOf(name));
    },
  });
  if (draft === undefined) return { saver, start: boxes };
  // Unsaved boxes of an earlier session; their rows are valid only if the file has not changed since.
  const isSame = draft.version === document.version;
  const restored = inPageClasses(name, draft.boxes, draft.classes).map(({ row, ...box }, n) => ({
    ...box,
    id: isSame && row !== undefined ? row : boxes.length + n,
  }));
  message.value = "boxes that were not saved before are shown";
  unsaved.set(keyOf(name), saver);
  saver.want(restored);
  return { saver, start: restored };
}

/**
 * Saves the drafts of an earlier page; where the labels have changed since, the draft stays until its picture is
 * opened.
 */
export async function saveDrafts(labels: LabelRequests): Promise<void> {
  const { identity } = labels;
  for (const name of draftedPictures(identity)) {
    try {
      const document = await labels.read(name);
      const isSame = document.version === draftOf({ ...name, identity })?.version;
      if (isSame) await begin({ ...name, labels }, document).saver.flush();
    } catch {} // the picture or the server is gone; the draft stays
  }
}

/** Updates catalogue and picture to what was saved. */
function noteSaved(name: Place, saved: LabelDocument): void {
  const set = catalogue.value;
  if (set !== undefined && set.path === name.set && source.value?.labels?.identity === name.labels.identity) {
    // The data set was read again, and its classes have other numbers.
    if (set.classes.some((each, n) => each !== saved.classes[n])) return void openAgain(name.set);
    catalogue.value = withSaved(set, saved);
  }
  if (open.value !== undefined && keyOf(open.value) === keyOf(name)) open.value = { ...open.value, labelled: true };
}

async function openAgain(set: string): Promise<void> {
  try {
    const found = await source.value?.open(set);
    if (found !== undefined && catalogue.value?.path === set) catalogue.value = found;
  } catch (error) {
    message.value = (error as Error).message;
  }
}

export function act(action: EditAction): void {
  change(edit(editing.value, action));
}

export const undoLast = (): void => change(undo(editing.value));
export const redoNext = (): void => change(redo(editing.value));

export function choose(id: number | undefined): void {
  if (editing.value.selected !== id) editing.value = select(editing.value, id);
}

function change(next: Editing): void {
  const { value } = open;
  editing.value = next;
  if (value === undefined || next.boxes === value.saver.boxes) return;
  unsaved.set(keyOf(value), value.saver);
  value.saver.want(next.boxes);
}

/** Sets the class of the selected box and of those to come. */
export function setClass(kind: number): void {
  if (kind >= classes.value.length) return;
  activeClass.value = kind;
  const box = selected.value;
  if (box !== undefined) act({ kind: "class", id: box.id, class: kind });
}

/**
 * Draws a box of the active class between two corners; by default in the middle of the visible part, at a quarter of
 * its size.
 */
export function draw(from?: readonly [number, number], to?: readonly [number, number]): void {
  if (classes.value.length === 0) {
    message.value = "name a class first: boxes are of one";
    return;
  }
  const { left, top, width, height } = seenPart(editing.value.size);
  const [a, b] = [
    from ?? [left + width * 0.375, top + height * 0.375],
    to ?? [left + width * 0.625, top + height * 0.625],
  ];
  act({ kind: "draw", class: activeClass.value, from: [a[0], a[1]], to: [b[0], b[1]] });
}

export async function newClass(name: string): Promise<boolean> {
  let isAdded = false;
  await whileBusy(async () => {
    const { value } = open;
    if (value === undefined) return;
    meetClasses(value, await value.labels.addClass(value.set, name));
    setClass(classes.value.indexOf(name));
    message.value = `class ${name} is there`;
    isAdded = true;
  });
  return isAdded;
}

/**
 * Opens a picture before or after the current one in the data set's order; the step counts from the picture that is
 * open when it runs.
 */
export const goBy = (by: number): Promise<void> =>
  whileBusy(async () => {
    const [set, { value }] = [catalogue.value, open];
    const next = set?.files[set.files.indexOf(value?.picture ?? "") + by];
    if (next !== undefined) await show(next);
    else message.value = by > 0 ? "this is the last picture" : "this is the first picture";
  });

/** Saves, also where there are no boxes, and opens the next unlabelled picture. */
export const saveAndGoOn = (): Promise<void> =>
  whileBusy(async () => {
    const { value } = open;
    if (value === undefined) return;
    if (!(await value.saver.flush({ even: !value.labelled })))
      throw new Error("this picture is not saved yet; it stays open");
    const { picture } = await value.labels.nextUnlabelled(value);
    if (picture === undefined) message.value = "every picture is labelled";
    else await show(picture);
  });

/** Ends labelling; unsaved boxes continue to be saved. */
export function close(): void {
  void open.value?.saver.flush();
  waiting = [];
  open.value = undefined;
  message.value = "";
}

/** After somebody else has changed the file: keeps their boxes or these. */
export async function resolveChange(keep: "theirs" | "mine"): Promise<void> {
  const { value } = open;
  if (value === undefined) return;
  if (keep === "theirs") {
    value.saver.abandon();
    unsaved.delete(keyOf(value));
    return openPicture(value.picture);
  }
  try {
    await value.saver.overwrite((await value.labels.read(value)).version);
  } catch (error) {
    message.value = (error as Error).message;
  }
}

export async function loadModels(): Promise<void> {
  if (models.value !== undefined) return;
  try {
    models.value = await open.value?.labels.listModels();
    model.value ||= models.value?.[0]?.id ?? "";
  } catch (error) {
    message.value = (error as Error).message;
  }
}

/** Adds a run that the user opens, and suggests boxes with it. */
export const addModel = (given: Given): Promise<void> =>
  whileBusy(async () => {
    const { value } = open;
    const entry = await value?.labels.addModel?.(given);
    if (entry === undefined) return;
    models.value = await value?.labels.listModels();
    model.value = entry.id;
    message.value = `${entry.title} suggests: ${entry.classes.slice(0, 3).join(", ")}`;
  });

export async function requireModel(): Promise<void> {
  await loadModels();
  if (model.value === "") {
    const where = open.value?.labels.addModel ? "open the .zip of a run" : "train one, or install @phinets/models";
    throw new Error(`there is no model; ${where}`);
  }
}

/** Adds the chosen model's detections as suggestions, to be accepted or dropped. */
export const suggestBoxes = (): Promise<void> =>
  whileBusy(async () => {
    const { value } = open;
    if (value === undefined) return;
    await requireModel();
    message.value = "the model looks…";
    const { boxes, missing } = await suggestFor(value);
    if (open.value?.picture !== value.picture) return;
    act({ kind: "suggest", boxes });
    const lacking = missing.length === 0 ? "" : `; ${missing.join(", ")} found too: add the class and look again`;
    message.value = `${boxes.length} ${boxes.length === 1 ? "box" : "boxes"} suggested${lacking}`;
  });

/** The chosen model's detections in a picture; a message names those of classes that the data set lacks. */
export async function suggestFor(name: Place) {
  const { boxes, classes: names, missing } = await name.labels.suggest(name, model.value);
  return { boxes: inPageClasses(name, boxes, names), missing };
}

/** Adds a box to a picture that is not open, and saves it. `isThere`: whether an existing box makes it unnecessary. */
export async function addTo(name: Place, box: PixelBox, isThere: (each: PixelBox) => boolean): Promise<boolean> {
  const { boxes, version, classes: names } = await name.labels.read(name);
  const own = inPageClasses(name, boxes, names);
  if (own.some(isThere)) return false;
  const kept = own.map((each, row) => ({ ...each, row }));
  noteSaved(name, await name.labels.save(name, { boxes: [...kept, box], version, classes: classesOf(name) }));
  return true;
}

/** Boxes without their rows, for another picture. */
export function plain(boxes: readonly PixelBox[]): PixelBox[] {
  return boxes.map(({ class: kind, left, top, width, height, ignore }) => ({
    ...{ class: kind, left, top, width, height },
    ...(ignore && { ignore }),
  }));
}
