// The module: imports shared memory and has five exports. training/lowering writes its programs.
export { ended, failure, run, trapped, work } from "./threads";
