export * from "./c.js";
export * from "./linker-script.js";
