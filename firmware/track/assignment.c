/* Shortest augmenting paths (Crouse, "On implementing 2D rectangular assignment algorithms", IEEE TAES 2016). Columns
   are tried from last to first; among equally near columns a free one is preferred. */
#include "phinets_double.h" /* first */

#include "assignment.h"

enum { N = PHINETS_MAX_TRACKS };

/* The problem, transposed if necessary so that there are no more rows than columns. */
typedef struct {
  double (*score)[N];
  int transposed;
  int32_t rows, columns;
  int32_t column_of_row[N], row_of_column[N], previous_row[N];
  double row_price[N], column_price[N], distance[N];
} problem;

static double cost(const problem *p, int32_t row, int32_t column) {
  return p->transposed ? -p->score[column][row] : -p->score[row][column];
}

/* Finds the shortest path from free row `start` to the nearest free column (Dijkstra's algorithm on reduced costs),
   updates the prices and returns the column. */
static int32_t shortest_path(problem *p, int32_t start) {
  int32_t open[N], open_count = p->columns;
  uint8_t row_reached[N] = {0}, column_done[N] = {0}, column_seen[N] = {0};
  for (int32_t c = 0; c < p->columns; c++) open[c] = p->columns - 1 - c;
  double travelled = 0.0;
  int32_t row = start, sink = -1;
  while (sink < 0) {
    int32_t at = -1;
    row_reached[row] = 1;
    for (int32_t k = 0; k < open_count; k++) {
      const int32_t c = open[k];
      const double through = travelled + cost(p, row, c) - p->row_price[row] - p->column_price[c];
      if (!column_seen[c] || through < p->distance[c]) {
        column_seen[c] = 1;
        p->distance[c] = through;
        p->previous_row[c] = row;
      }
      if (at < 0 || p->distance[c] < p->distance[open[at]] ||
          (p->distance[c] == p->distance[open[at]] && p->row_of_column[c] < 0))
        at = k;
    }
    const int32_t column = open[at];
    travelled = p->distance[column];
    if (p->row_of_column[column] < 0)
      sink = column;
    else
      row = p->row_of_column[column];
    column_done[column] = 1;
    open[at] = open[--open_count];
  }
  p->row_price[start] += travelled;
  for (int32_t r = 0; r < p->rows; r++)
    if (row_reached[r] && r != start) p->row_price[r] += travelled - p->distance[p->column_of_row[r]];
  for (int32_t c = 0; c < p->columns; c++)
    if (column_done[c]) p->column_price[c] -= travelled - p->distance[c];
  return sink;
}

void phinets_assign(double score[N][N], int32_t rows, int32_t columns, int32_t *column_of_row) {
  problem p = {.score = score, .transposed = rows > columns};
  p.rows = p.transposed ? columns : rows;
  p.columns = p.transposed ? rows : columns;
  for (int32_t i = 0; i < N; i++) p.column_of_row[i] = p.row_of_column[i] = -1;
  for (int32_t row = 0; row < p.rows; row++) {
    /* Swap the pairs along the path, from its end back to the free row. */
    int32_t column = shortest_path(&p, row), from;
    do {
      from = p.previous_row[column];
      p.row_of_column[column] = from;
      const int32_t next = p.column_of_row[from];
      p.column_of_row[from] = column;
      column = next;
    } while (from != row);
  }
  for (int32_t r = 0; r < rows; r++) column_of_row[r] = p.transposed ? p.row_of_column[r] : p.column_of_row[r];
}
