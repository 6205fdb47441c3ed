/**
 * How a picture lies in the window that it is labelled in. Lengths are in widths and heights of the picture as it is when it
 * is seen whole, from its left top corner there.
 */

export interface Zoom {
  /** 1: the whole picture is seen. */
  readonly scale: number;
  readonly left: number;
  readonly top: number;
}

/** The window, which has the whole picture in its middle: 1 or more each. */
export interface Room {
  readonly across: number;
  readonly down: number;
}

export interface ZoomOptions {
  readonly factor: number;
  /** Stays where it is, as far as the picture's edges let it, or goes to `to`. */
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

/** What is seen of the picture: corners as fractions of it. */
export function seen({ scale, left, top }: Zoom, { across, down }: Room) {
  const part = (start: number, room: number) => {
    const side = (room - 1) / 2;
    return [Math.max(0, (-side - start) / scale), Math.min(1, (1 + side - start) / scale)] as const;
  };
  const [[x1, x2], [y1, y2]] = [part(left, across), part(top, down)];
  return { x1, y1, x2, y2 };
}

/** No more beside the picture is seen than need be: it fills the window, or stands in its middle. */
function within({ scale, left, top }: Zoom, { across, down }: Room): Zoom {
  const placed = (start: number, room: number) => {
    if (scale <= room) return (1 - scale) / 2;
    const side = (room - 1) / 2;
    return Math.min(-side, Math.max(1 + side - scale, start));
  };
  return { scale, left: placed(left, across), top: placed(top, down) };
}
