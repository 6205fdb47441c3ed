export { type DocumentOptions, documentOf, isPicture } from "./document.js";
export { asClassifier } from "./float/classifier.js";
export type { FloatNetwork } from "./float/network.js";
export { type Normalisation, normalise } from "./float/normalise.js";
export type { ImportOptions, InputShape } from "./input-shape.js";
export * from "./onnx/index.js";
export * from "./tflite/index.js";
