export * from "./fixed-point.js";
export * from "./lookup-tables.js";
export * from "./lower.js";
export * from "./requantization.js";
export * from "./types.js";
