export * from "./card.js";
export * from "./data.js";
export * from "./pictures.js";
export * from "./report.js";
