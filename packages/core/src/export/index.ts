export * from "./c.js";
