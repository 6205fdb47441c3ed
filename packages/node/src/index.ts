/**
 * PhiNets on a machine: what the `phinets` command does, for programs. More stands in the rooms: `@phinets/node/run`,
 * `/picture`, `/video`, `/dataset`, `/steps`, `/firmware`, `/emulator`, `/report`, `/threads`.
 */
export { readPicture, savePicture } from "./picture/files.js";
export { type OpenModelOptions, openRun } from "./run/model.js";
export { isProven, type ListenOptions, type ShipOptions, type ShipResult, type StepEvent, ship } from "./ship.js";
export { framesOf } from "./video/frames.js";
