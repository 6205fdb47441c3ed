/** Where pictures that are taken go: the open data set, one of its classes, or a folder that is made for them. */
import { computed, signal } from "@preact/signals";
import { catalogue, entries } from "../store.js";

/** Name of the folder that is made; undefined where the open data set is meant. */
export const newFolder = signal<string | undefined>(undefined);
const chosenClass = signal("");

/** Classes one of which is to be chosen, where a picture's folder is its class. */
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

/** Path of the set, and whether its folder is to be made first. */
export const target = computed((): { readonly set: string; readonly make: boolean } =>
  newFolder.value === undefined
    ? { set: catalogue.value?.path ?? "", make: false }
    : { set: newFolder.value.trim(), make: true },
);

/** For people. */
export const targetTitle = computed(() => target.value.set || "the whole folder");

/** Where there is no data set yet, a folder is made. */
export function beginTarget(): void {
  newFolder.value = entries.value?.length === 0 ? "pictures" : undefined;
}
