export { arenasOf, type CArena } from "./arenas.js";
export { bootOf } from "./boot.js";
export * from "./gcc.js";
export * from "./layouts/index.js";
export * from "./model.js";
