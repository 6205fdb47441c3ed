/** The list of rooms, in the order in which they are used. Each is loaded when it is first entered. */
import type { ComponentType } from "preact";

export interface Room {
  /** Its name in the address. */
  readonly id: string;
  readonly title: string;
  readonly load: () => Promise<{ readonly default: ComponentType }>;
}

export const rooms: readonly Room[] = [
  { id: "data", title: "Data", load: () => import("./data/room.js") },
  { id: "board", title: "Board", load: () => import("./board/room.js") },
  { id: "train", title: "Train", load: () => import("./train/room.js") },
  { id: "try", title: "Try", load: () => import("./try/room.js") },
  { id: "sweeps", title: "Sweeps", load: () => import("./sweeps/room.js") },
  { id: "ship", title: "Ship", load: () => import("./ship/room.js") },
  { id: "live", title: "Live", load: () => import("./live/room.js") },
];
