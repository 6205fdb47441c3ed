// The module: imported shared memory, two exports. Programs are made by training/program.ts.
export { run, work } from "./threads";
