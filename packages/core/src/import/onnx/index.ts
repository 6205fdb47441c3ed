export { isOnnx } from "./file.js";
export { importOnnx } from "./network.js";
export { importQuantizedOnnx, isQuantizedOnnx } from "./quantized/network.js";
