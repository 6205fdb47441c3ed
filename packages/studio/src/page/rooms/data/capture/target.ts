/** Where captured pictures are saved: the open data set, one of its classes, or a new folder. */
import { computed, signal } from "@preact/signals";
import { catalogue, entries } from "../store.js";

/** Name of the new folder; undefined for the open data set. */
export const newFolder = signal<string | undefined>(undefined);
const chosenClass = signal("");

/** Classes to choose from, where a picture's folder determines its class. */
export const classesToChoose = computed<readonly string[]>(() => {
  const set = catalogue.value;
  return newFolder.value === undefined && set?.task === "classify" ? set.classes : [];
});

export const kind = computed<string | undefined>(() => {
  const classes = classesToChoose.value;
  return classes.includes(chosenClass.value) ? chosenClass.value : classes[0];
});

export function chooseClass(name: string): void {
  chosenClass.value = name;
}

/** Path of the data set, and whether its folder has to be made first. */
export const target = computed((): { readonly set: string; readonly make: boolean } =>
  newFolder.value === undefined
    ? { set: catalogue.value?.path ?? "", make: false }
    : { set: newFolder.value.trim(), make: true },
);

/** Title to show. */
export const targetTitle = computed(() => target.value.set || "the whole folder");

/** Suggests a new folder where there is no data set yet. */
export function beginTarget(): void {
  newFolder.value = entries.value?.length === 0 ? "pictures" : undefined;
}
