export * from "./editing.js";
export * from "./follow.js";
export * from "./keyframes.js";
export * from "./place.js";
