export * from "./build.js";
export * from "./bundle.js";
export * from "./elf.js";
export * from "./image.js";
export * from "./uf2.js";
