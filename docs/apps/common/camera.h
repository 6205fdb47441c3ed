/* The functions of a camera that the application needs. */
#ifndef CAMERA_H
#define CAMERA_H

#include <stdint.h>

#include "phinets_model.h"

/* Size of the camera's picture in pixels: the smaller one if it suffices for the network's input. */
#if PHINETS_INPUT_WIDTH <= 128 && PHINETS_INPUT_HEIGHT <= 128 && !defined(CAMERA_QVGA)
#define CAMERA_WIDTH 128
#define CAMERA_HEIGHT 128
#elif PHINETS_INPUT_WIDTH <= 320 && PHINETS_INPUT_HEIGHT <= 240
#define CAMERA_WIDTH 320
#define CAMERA_HEIGHT 240
#else
#error "the network's input is larger than 320 x 240"
#endif

/* Initialises the camera. Returns 1 if it answers, else 0. */
int camera_start(void);

/* Takes a picture, which camera_line then returns from top to bottom. Returns 1, or 0 if it fails. */
int camera_take(void);

/* Copies the next line of the picture to `line`: CAMERA_WIDTH pixels of RGB565, high byte first. */
void camera_line(uint8_t *line);

#endif
