/* Functions of the application that the main loop calls; firmware/boards/cortex-m/main.c describes them. */
#ifndef APP_H
#define APP_H

#include "phinets_follow.h"
#include "phinets_model.h"

#ifdef PHINETS_INPUT_BY_ROWS
int phinets_frame_row(int32_t y, int8_t *row);
#else
int phinets_frame(int8_t *input);
#endif
#ifdef PHINETS_WIRE
void phinets_write(uint8_t byte);
#endif
void phinets_tracks(const phinets_track *tracks, const phinets_box *boxes, int32_t count);

#endif
