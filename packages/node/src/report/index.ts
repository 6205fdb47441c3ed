export * from "./card.js";
export * from "./charts.js";
export * from "./compare.js";
export * from "./data.js";
export * from "./evaluation-pages.js";
export * from "./pictures.js";
export * from "./report.js";
