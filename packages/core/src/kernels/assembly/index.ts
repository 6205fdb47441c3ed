// The module: imported shared memory, five exports. Programs are made by training/lowering.
export { ended, failure, run, trapped, work } from "./threads";
