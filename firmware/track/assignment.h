/* Linear sum assignment for phinets_track.c. */
#ifndef PHINETS_ASSIGNMENT_H
#define PHINETS_ASSIGNMENT_H

#include "phinets_track.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Pairs rows and columns of `score` so that the sum of the paired scores is as large as possible. rows, columns:
   1..PHINETS_MAX_TRACKS. Writes the column paired with each row to column_of_row ([rows]), or -1 if the row has none
   because there are more rows than columns. Working memory is on the stack. */
void phinets_assign(double score[PHINETS_MAX_TRACKS][PHINETS_MAX_TRACKS], int32_t rows, int32_t columns,
                    int32_t *column_of_row);

#ifdef __cplusplus
}
#endif

#endif
