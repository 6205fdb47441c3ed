/**
 * Rectangular linear sum assignment by shortest augmenting paths (Crouse, "On implementing 2D rectangular assignment
 * algorithms", IEEE TAES 2016). Ties are broken as in SciPy's linear_sum_assignment (columns are tried from the last to
 * the first, and a free column is preferred among equals), so that tests can compare pairs and not only totals.
 */
import { PhinetsError } from "../tensor/index.js";

export interface Assignment {
  /** ascending; min(rows, columns) of them */
  readonly rows: Int32Array;
  /** `columns[i]` belongs to `rows[i]` */
  readonly columns: Int32Array;
  /** sum of the chosen costs */
  readonly total: number;
}

/**
 * The cheapest way to pair every row with a different column (or, with fewer columns than rows, every column with a
 * row).
 * @param cost `[rows, columns]`, row-major; Infinity forbids a pair (-Infinity with `maximize`)
 * @returns undefined if the forbidden pairs leave no complete assignment
 * @throws `tracking.cost` for NaN or an infinity of the wrong sign.
 */
export function linearSumAssignment(
  cost: ArrayLike<number>,
  rows: number,
  columns: number,
  options: { readonly maximize?: boolean } = {},
): Assignment | undefined {
  if (cost.length !== rows * columns) {
    throw new PhinetsError(
      "tracking.cost",
      `assignment: ${rows} x ${columns} needs ${rows * columns} costs, got ${cost.length}`,
    );
  }
  const signed = Float64Array.from(cost, options.maximize === true ? (c) => -c : undefined!);
  for (let i = 0; i < signed.length; i++) {
    if (Number.isNaN(signed[i]) || signed[i] === Number.NEGATIVE_INFINITY) {
      throw new PhinetsError(
        "tracking.cost",
        `assignment: cost of row ${Math.floor(i / columns)}, column ${i % columns} is ${cost[i]}`,
      );
    }
  }
  const solver = new AssignmentSolver();
  if (!solver.solve(signed, rows, columns)) return undefined;
  const count = Math.min(rows, columns);
  const result = { rows: new Int32Array(count), columns: new Int32Array(count), total: 0 };
  let size = 0;
  for (let row = 0; row < rows; row++) {
    const column = solver.columnOfRow[row];
    if (column < 0) continue;
    result.rows[size] = row;
    result.columns[size++] = column;
    result.total += cost[row * columns + column];
  }
  return result;
}

/** The same with working memory that is reused between calls, for a tracker's loop. */
export class AssignmentSolver {
  /** Column of each row of the last solved matrix, or -1. */
  columnOfRow = new Int32Array(0);
  #rowOfColumn = new Int32Array(0);
  #rowPrice = new Float64Array(0);
  #columnPrice = new Float64Array(0);
  #distance = new Float64Array(0);
  #previousRow = new Int32Array(0);
  #open = new Int32Array(0);
  #rowReached = new Uint8Array(0);
  #columnDone = new Uint8Array(0);
  #transposed = new Float64Array(0);

  /** Solves for `cost` `[rows, columns]` without NaN and -Infinity. Returns false if infeasible. */
  solve(cost: Float64Array, rows: number, columns: number): boolean {
    this.#reserve(Math.max(rows, columns));
    this.columnOfRow.fill(-1, 0, rows);
    if (rows <= columns) return this.#augmentAll(cost, rows, columns, this.columnOfRow, this.#rowOfColumn);
    if (this.#transposed.length < rows * columns) this.#transposed = new Float64Array(2 * rows * columns);
    for (let r = 0; r < rows; r++) {
      for (let c = 0; c < columns; c++) this.#transposed[c * rows + r] = cost[r * columns + c];
    }
    return this.#augmentAll(this.#transposed, columns, rows, this.#rowOfColumn, this.columnOfRow);
  }

  /** Requires rows <= columns. Dual prices keep cost - rowPrice - columnPrice >= 0, and 0 on chosen pairs. */
  #augmentAll(
    cost: Float64Array,
    rows: number,
    columns: number,
    columnOfRow: Int32Array,
    rowOfColumn: Int32Array,
  ): boolean {
    columnOfRow.fill(-1, 0, rows);
    rowOfColumn.fill(-1, 0, columns);
    this.#rowPrice.fill(0, 0, rows);
    this.#columnPrice.fill(0, 0, columns);
    for (let row = 0; row < rows; row++) {
      const reached = this.#shortestPath(cost, rows, columns, row, columnOfRow, rowOfColumn);
      if (reached < 0) return false;
      let column = reached;
      for (;;) {
        const from = this.#previousRow[column];
        rowOfColumn[column] = from;
        const next = columnOfRow[from];
        columnOfRow[from] = column;
        if (from === row) break;
        column = next;
      }
    }
    return true;
  }

  /**
   * Dijkstra over reduced costs from a free row to the nearest free column. Returns that column, or -1, and updates the
   * prices.
   */
  #shortestPath(
    cost: Float64Array,
    rows: number,
    columns: number,
    start: number,
    columnOfRow: Int32Array,
    rowOfColumn: Int32Array,
  ): number {
    const distance = this.#distance;
    const open = this.#open;
    const rowPrice = this.#rowPrice;
    const columnPrice = this.#columnPrice;
    for (let c = 0; c < columns; c++) open[c] = columns - 1 - c;
    distance.fill(Number.POSITIVE_INFINITY, 0, columns);
    this.#rowReached.fill(0, 0, rows);
    this.#columnDone.fill(0, 0, columns);
    let openCount = columns;
    let travelled = 0;
    let row = start;
    let sink = -1;
    while (sink < 0) {
      this.#rowReached[row] = 1;
      let lowest = Number.POSITIVE_INFINITY;
      let at = -1;
      for (let k = 0; k < openCount; k++) {
        const c = open[k];
        const through = travelled + cost[row * columns + c] - rowPrice[row] - columnPrice[c];
        if (through < distance[c]) {
          distance[c] = through;
          this.#previousRow[c] = row;
        }
        if (distance[c] < lowest || (distance[c] === lowest && rowOfColumn[c] < 0)) {
          lowest = distance[c];
          at = k;
        }
      }
      if (lowest === Number.POSITIVE_INFINITY) return -1;
      travelled = lowest;
      const column = open[at];
      if (rowOfColumn[column] < 0) sink = column;
      else row = rowOfColumn[column];
      this.#columnDone[column] = 1;
      open[at] = open[--openCount];
    }
    rowPrice[start] += travelled;
    for (let r = 0; r < rows; r++) {
      if (this.#rowReached[r] === 1 && r !== start) rowPrice[r] += travelled - distance[columnOfRow[r]];
    }
    for (let c = 0; c < columns; c++) {
      if (this.#columnDone[c] === 1) columnPrice[c] -= travelled - distance[c];
    }
    return sink;
  }

  #reserve(size: number): void {
    if (this.columnOfRow.length >= size) return;
    const capacity = 2 * size;
    this.columnOfRow = new Int32Array(capacity);
    this.#rowOfColumn = new Int32Array(capacity);
    this.#rowPrice = new Float64Array(capacity);
    this.#columnPrice = new Float64Array(capacity);
    this.#distance = new Float64Array(capacity);
    this.#previousRow = new Int32Array(capacity);
    this.#open = new Int32Array(capacity);
    this.#rowReached = new Uint8Array(capacity);
    this.#columnDone = new Uint8Array(capacity);
  }
}
