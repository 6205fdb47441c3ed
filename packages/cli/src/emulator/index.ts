export * from "./build.js";
export * from "./bundle.js";
export * from "./elf.js";
export * from "./emulate.js";
export * from "./follow.js";
export * from "./model-options.js";
export * from "./qemu.js";
export * from "./tool.js";
