export { openDevice } from "./device.js";
export * from "./events.js";
export * from "./observers.js";
export * from "./request.js";
export { train, trainingOf } from "./train.js";
export { requireTrainable } from "./trainer.js";
