/** Editing of labels in the data set's own files. */

export * from "./bare.js";
export * from "./class-names.js";
export { addCocoCategory } from "./coco.js";
export type { EditContext, EditedBox, EditedFile, LabelEditor, LabelsInFile, PixelBox } from "./editor.js";
export { labelEditorOf } from "./editors.js";
export * from "./label-set.js";
