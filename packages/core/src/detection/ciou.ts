/** Complete IoU of two boxes and its partial derivatives (Zheng et al., "Distance-IoU Loss", AAAI 2020, eq. 8-12). */

export interface CompleteIou {
  iou: number;
  /** iou - squared distance of centres / squared diagonal of the hull - tradeOff * aspect term */
  value: number;
  /** alpha: aspect / (1 - iou + aspect); the derivatives hold it constant, as the paper does */
  tradeOff: number;
  /** partial derivatives of `value` with respect to the first box */
  byX: number;
  byY: number;
  byWidth: number;
  byHeight: number;
}

/**
 * Complete IoU of the centre boxes (x, y, width, height) and (tx, ty, tw, th), both of positive size and in one unit
 * for both axes. Writes to and returns `into`, so that a loop allocates nothing. `fixedTradeOff`: alpha, if it is
 * given.
 */
export function completeIou(
  into: CompleteIou,
  x: number,
  y: number,
  width: number,
  height: number,
  tx: number,
  ty: number,
  tw: number,
  th: number,
  fixedTradeOff?: number,
): CompleteIou {
  // 1 where this box's edge lies inside the other box, else 0: decides whose edge bounds the intersection and whose the
  // hull.
  const left = x - width / 2 > tx - tw / 2 ? 1 : 0;
  const right = x + width / 2 < tx + tw / 2 ? 1 : 0;
  const top = y - height / 2 > ty - th / 2 ? 1 : 0;
  const bottom = y + height / 2 < ty + th / 2 ? 1 : 0;
  const innerWidth = Math.min(x + width / 2, tx + tw / 2) - Math.max(x - width / 2, tx - tw / 2);
  const innerHeight = Math.min(y + height / 2, ty + th / 2) - Math.max(y - height / 2, ty - th / 2);
  const outerWidth = Math.max(x + width / 2, tx + tw / 2) - Math.min(x - width / 2, tx - tw / 2);
  const outerHeight = Math.max(y + height / 2, ty + th / 2) - Math.min(y - height / 2, ty - th / 2);

  const meet = innerWidth > 0 && innerHeight > 0 ? 1 : 0;
  const intersection = meet * innerWidth * innerHeight;
  const union = width * height + tw * th - intersection;
  const iou = intersection / union;
  // union = area + other area - intersection, so d(iou) = (d(intersection) (union + intersection) - intersection d(area)) / union^2
  const perIntersection = (meet * (union + intersection)) / (union * union);
  const perArea = -intersection / (union * union);

  const distance = (x - tx) * (x - tx) + (y - ty) * (y - ty);
  const diagonal = outerWidth * outerWidth + outerHeight * outerHeight;
  const perDiagonal = distance / (diagonal * diagonal);

  const twist = atan(tw / th) - atan(width / height);
  const aspect = (4 / (Math.PI * Math.PI)) * twist * twist;
  // At a perfect fit both terms are 0 and alpha has no effect; the small term avoids 0 / 0.
  const tradeOff = fixedTradeOff ?? aspect / (1 - iou + aspect + 1e-12);
  const turn = (tradeOff * (8 / (Math.PI * Math.PI)) * twist) / (width * width + height * height);

  into.iou = iou;
  into.value = iou - distance / diagonal - tradeOff * aspect;
  into.tradeOff = tradeOff;
  into.byX =
    perIntersection * (right - left) * innerHeight -
    (2 * (x - tx)) / diagonal +
    perDiagonal * 2 * outerWidth * (left - right);
  into.byY =
    perIntersection * (bottom - top) * innerWidth -
    (2 * (y - ty)) / diagonal +
    perDiagonal * 2 * outerHeight * (top - bottom);
  into.byWidth =
    perIntersection * ((left + right) / 2) * innerHeight +
    perArea * height +
    perDiagonal * 2 * outerWidth * (1 - (left + right) / 2) +
    turn * height;
  into.byHeight =
    perIntersection * ((top + bottom) / 2) * innerWidth +
    perArea * width +
    perDiagonal * 2 * outerHeight * (1 - (top + bottom) / 2) -
    turn * width;
  return into;
}

/**
 * atan of 0 or more from IEEE-754 operations only, like the functions of tensor/math, so that every engine gives the
 * same bits. Error below 4 ulp (checked against Math.atan).
 */
export function atan(x: number): number {
  if (x > 1) return Math.PI / 2 - atan(1 / x);
  // Halves the angle twice, by atan(x) = 2 atan(x / (1 + sqrt(1 + x^2))), so that the series only needs x <=
  // tan(pi/16).
  const half = x / (1 + Math.sqrt(1 + x * x));
  const quarter = half / (1 + Math.sqrt(1 + half * half));
  const square = quarter * quarter;
  let sum = 0;
  for (let n = 23; n >= 3; n -= 2) sum = square * (1 / n - sum);
  return 4 * (quarter - quarter * sum);
}
