/* What the decoders of firmware/detect share. */
#ifndef PHINETS_DECODE_H
#define PHINETS_DECODE_H

#include "phinets_detect.h"

/* 1 / (1 + e^-t) of a stored byte, without overflow; t = scale * (q - zero_point). */
double phinets_sigmoid(const phinets_output_map *map, int32_t q);

/* The least byte whose sigmoid is above a threshold; 128 where none is. Spares most cells all arithmetic in double. */
int32_t phinets_least_above(const phinets_output_map *map, double threshold);

/* Puts a box into the list, best first, equal scores in order of arrival; a full list loses its worst. Returns the count. */
int32_t phinets_insert(phinets_box *boxes, int32_t count, int32_t capacity, const phinets_box *box);

#endif
