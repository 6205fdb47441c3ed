/* What the application asks of a camera. */
#ifndef CAMERA_H
#define CAMERA_H

#include <stdint.h>

#include "phinets_model.h"

/* The camera's picture: the smaller one where it is enough for the network's input. */
#if PHINETS_INPUT_WIDTH <= 128 && PHINETS_INPUT_HEIGHT <= 128 && !defined(CAMERA_QVGA)
#define CAMERA_WIDTH 128
#define CAMERA_HEIGHT 128
#elif PHINETS_INPUT_WIDTH <= 320 && PHINETS_INPUT_HEIGHT <= 240
#define CAMERA_WIDTH 320
#define CAMERA_HEIGHT 240
#else
#error "the network's input is larger than 320 x 240"
#endif

/* 1 when the camera answers, 0 when it does not. */
int camera_start(void);

/* Takes a picture, which camera_line then hands out from top to bottom. 1 when it is there, 0 when it failed. */
int camera_take(void);

/* The next line: CAMERA_WIDTH pixels of RGB565, the high byte of each first. */
void camera_line(uint8_t *line);

#endif
