export * from "./build.js";
export * from "./emulate.js";
export * from "./follow.js";
export * from "./line.js";
export * from "./machines.js";
export * from "./qemu.js";
