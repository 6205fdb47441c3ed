export { isTflite } from "./file.js";
export { importFloatTflite, isFloatTflite } from "./float.js";
export { type ImportedInput, type ImportedNetwork, type ImportedOperator, importTflite } from "./network.js";
