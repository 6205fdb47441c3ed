export { requireTrainable } from "@phinets/core/learning";
export { openDevice } from "./device.js";
export * from "./events.js";
export * from "./observers.js";
export * from "./request.js";
export { train, trainingOf } from "./train.js";
