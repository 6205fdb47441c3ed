export { arenasOf, type CArena } from "./arenas.js";
export * from "./model.js";
