/**
 * The programming interface of PhiNets on Node: everything that the `phinets` command does, as functions. Further
 * modules: `@phinets/node/run`, `/picture`, `/video`, `/dataset`, `/steps`, `/firmware`, `/emulator`, `/report`,
 * `/threads`.
 */
export { readPicture, savePicture } from "./picture/files.js";
export { type OpenModelOptions, openRun } from "./run/model.js";
export { isProven, type ListenOptions, type ShipOptions, type ShipResult, type StepEvent, ship } from "./ship.js";
export { framesOf } from "./video/frames.js";
