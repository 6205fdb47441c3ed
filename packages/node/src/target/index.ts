export * from "./target.js";
