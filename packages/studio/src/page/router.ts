/** The room in the page's address: `#board`, `#data/PATH`. */
import { signal } from "@preact/signals";

export interface Route {
  readonly room: string;
  /** The part after the room's name, decoded. */
  readonly rest: string;
}

export const route = signal<Route>(parse(location.hash));

addEventListener("hashchange", () => {
  route.value = parse(location.hash);
});

function parse(hash: string): Route {
  const [room, ...rest] = hash.replace(/^#\/?/, "").split("/");
  try {
    return { room, rest: decodeURIComponent(rest.join("/")) };
  } catch {
    return { room, rest: "" };
  }
}

export function addressOfRoom(room: string, rest = ""): string {
  return `#${room}${rest === "" ? "" : `/${encodeURIComponent(rest)}`}`;
}
