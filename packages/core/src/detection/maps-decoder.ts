/**
 * Decoding of several maps as a page loads it where a head has some. Imported by `decoderOf` alone, so that who needs it in any
 * case has it once, and a page whose head has one map does not load it.
 */
export { decodeMaps } from "./decode-maps.js";
