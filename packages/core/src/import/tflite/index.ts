export { isTflite } from "./file.js";
export { type ImportedInput, type ImportedNetwork, type ImportedOperator, importTflite } from "./network.js";
