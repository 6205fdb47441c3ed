import type { Picture } from "@phinets/core/data";

export function encodeY4m(frames: readonly Picture[], framesPerSecond: number): Buffer;
