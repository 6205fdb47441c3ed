export * from "./c/index.js";
export * from "./follow.js";
export * from "./linker-script.js";
export * from "./model-options.js";
export * from "./onnx/index.js";
export * from "./tflite/index.js";
export * from "./torch.js";
