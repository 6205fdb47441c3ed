/* Helper functions shared by the decoders of firmware/detect. */
#ifndef PHINETS_DECODE_H
#define PHINETS_DECODE_H

#include "phinets_detect.h"

/* 1 / (1 + e^-t) without overflow, for t = scale * (q - zero_point) and q in -128..127. */
double phinets_sigmoid(const phinets_output_map *map, int32_t q);

/* The smallest q in -128..127 whose sigmoid is above `threshold`; 128 if there is none. Comparing bytes with it avoids
   double arithmetic for most cells. */
int32_t phinets_least_above(const phinets_output_map *map, double threshold);

/* Inserts a box into a list sorted by descending score; boxes with equal scores stay in order of arrival. If the list
   is full, the box with the lowest score is dropped. Returns the new count, at most `capacity`. */
int32_t phinets_insert(phinets_box *boxes, int32_t count, int32_t capacity, const phinets_box *box);

#endif
