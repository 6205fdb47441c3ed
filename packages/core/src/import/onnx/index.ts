export { isOnnx } from "./file.js";
export { importOnnx } from "./network.js";
