/**
 * Entry point for loading the decoder of several maps on demand. Only `decoderOf` imports it, so that a program that
 * always needs the decoder has it once, and a page whose head has one map does not load it.
 */
export { decodeMaps } from "./decode-maps.js";
