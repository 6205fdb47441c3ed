/**
 * Zoom and pan of the picture in the labelling window. Lengths are in units of the picture's width and height at scale
 * 1, with the origin at its top-left corner there.
 */

export interface Zoom {
  /** 1: the whole picture is visible. */
  readonly scale: number;
  readonly left: number;
  readonly top: number;
}

/** Size of the window, which has the picture at scale 1 in its middle; both at least 1. */
export interface Room {
  readonly across: number;
  readonly down: number;
}

export interface ZoomOptions {
  readonly factor: number;
  /** The point to zoom about. It stays in place, as far as the picture's edges permit, or moves to `to`. */
  readonly about: readonly [x: number, y: number];
  readonly to?: readonly [x: number, y: number];
  /** The largest scale. */
  readonly most: number;
  readonly room: Room;
}

export const whole: Zoom = { scale: 1, left: 0, top: 0 };

export function zoomed(zoom: Zoom, { factor, about: [x, y], to = [x, y], most, room }: ZoomOptions): Zoom {
  const scale = Math.min(Math.max(1, most), Math.max(1, zoom.scale * factor));
  const grown = scale / zoom.scale;
  return within({ scale, left: to[0] - (x - zoom.left) * grown, top: to[1] - (y - zoom.top) * grown }, room);
}

export function panned({ scale, left, top }: Zoom, [across, down]: readonly [number, number], room: Room): Zoom {
  return within({ scale, left: left + across, top: top + down }, room);
}

/** The visible part: its corners as fractions of the picture. */
export function seen({ scale, left, top }: Zoom, { across, down }: Room) {
  const part = (start: number, room: number) => {
    const side = (room - 1) / 2;
    return [Math.max(0, (-side - start) / scale), Math.min(1, (1 + side - start) / scale)] as const;
  };
  const [[x1, x2], [y1, y2]] = [part(left, across), part(top, down)];
  return { x1, y1, x2, y2 };
}

/** Shows as little as possible outside the picture: it fills the window or is centred in it. */
function within({ scale, left, top }: Zoom, { across, down }: Room): Zoom {
  const placed = (start: number, room: number) => {
    if (scale <= room) return (1 - scale) / 2;
    const side = (room - 1) / 2;
    return Math.min(-side, Math.max(1 + side - scale, start));
  };
  return { scale, left: placed(left, across), top: placed(top, down) };
}
