/* Linear sum assignment, for phinets_track.c. */
#ifndef PHINETS_ASSIGNMENT_H
#define PHINETS_ASSIGNMENT_H

#include "phinets_track.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Pairs rows and columns of `score` so that the sum of the chosen scores is largest. column_of_row gets a column, or -1
   for the rows that are left over where there are more rows than columns. */
void phinets_assign(double score[PHINETS_MAX_TRACKS][PHINETS_MAX_TRACKS], int32_t rows, int32_t columns,
                    int32_t *column_of_row);

#ifdef __cplusplus
}
#endif

#endif
