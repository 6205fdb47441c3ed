/** Drawing labels: editing of boxes, key frames, and boxes that follow an object through a video. */

export * from "./editing.js";
export * from "./follow.js";
export * from "./keyframes.js";
export * from "./place.js";
