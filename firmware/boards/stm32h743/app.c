/*
 * Example application for the STM32H743: takes camera frames and prints tracks over the debugger's trace pin (SWO).
 * Your camera driver (DCMI and its DMA, 320 x 240, RGB565) writes to `camera` and calls camera_done() from its
 * interrupt.
 */
#include "phinets_follow.h"
#include "phinets_model.h"

#define CAMERA_WIDTH 320
#define CAMERA_HEIGHT 240

/* In SRAM1 to 3, which the start-up code switches on and DMA can access, unlike DTCM. Aligned to cache lines of 32
   bytes. */
uint16_t camera[CAMERA_HEIGHT][CAMERA_WIDTH] __attribute__((section(".frames"), aligned(32)));
static volatile int ready;

void camera_done(void) { ready = 1; }

#define DCIMVAC (*(volatile uint32_t *)0xE000EF5C)    /* invalidate a data cache line, Armv7-M B2.2.7 */
#define ITM_PORT0 (*(volatile uint32_t *)0xE0000000)  /* Armv7-M C1.7 */
#define ITM_PORT0_BYTE (*(volatile uint8_t *)0xE0000000)
#define ITM_TER (*(volatile uint32_t *)0xE0000E00)
#define ITM_TCR (*(volatile uint32_t *)0xE0000E80)

/* Red (0), green (1) or blue (2) of an RGB565 pixel, scaled to 0..255. */
static int32_t colour(uint16_t pixel, int32_t channel) {
  const int32_t bits = channel == 1 ? pixel >> 5 & 63 : (channel == 0 ? pixel >> 11 : pixel) & 31;
  return channel == 1 ? bits << 2 | bits >> 4 : bits << 3 | bits >> 2;
}

/* Mean of the camera pixels in one pixel of the network's input. The picture is stretched to the shape of the input,
   like the training pictures. */
static int32_t mean(int32_t x, int32_t y, int32_t channel) {
  const int32_t left = x * CAMERA_WIDTH / PHINETS_INPUT_WIDTH, top = y * CAMERA_HEIGHT / PHINETS_INPUT_HEIGHT;
  int32_t right = (x + 1) * CAMERA_WIDTH / PHINETS_INPUT_WIDTH;
  int32_t bottom = (y + 1) * CAMERA_HEIGHT / PHINETS_INPUT_HEIGHT;
  if (right == left) right++; /* if the input is larger than the camera's picture */
  if (bottom == top) bottom++;
  int32_t sum = 0;
  for (int32_t row = top; row < bottom; row++)
    for (int32_t column = left; column < right; column++) sum += colour(camera[row][column], channel);
  const int32_t pixels = (right - left) * (bottom - top);
  return (sum + pixels / 2) / pixels;
}

/* Writes row y of the network's input. */
static void shrink(int32_t y, int8_t *row) {
  for (int32_t x = 0; x < PHINETS_INPUT_WIDTH; x++)
    for (int32_t c = 0; c < PHINETS_INPUT_CHANNELS; c++)
      /* A network with one channel gets green, which is close to brightness. */
      *row++ = (int8_t)(mean(x, y, PHINETS_INPUT_CHANNELS == 1 ? 1 : c) - 128);
}

/* Returns 1 if there is a new frame, after invalidating its cache lines. */
static int new_frame(void) {
  if (!ready) return 0;
  ready = 0;
  for (uint32_t line = (uint32_t)camera; line < (uint32_t)camera + sizeof camera; line += 32) DCIMVAC = line;
  __asm__ volatile("dsb" ::: "memory");
  return 1;
}

#ifdef PHINETS_INPUT_BY_ROWS
int phinets_frame_row(int32_t y, int8_t *row) {
  if (y == 0 && !new_frame()) return 0;
  shrink(y, row);
  return 1;
}
#else
int phinets_frame(int8_t *input) {
  if (!new_frame()) return 0;
  for (int32_t y = 0; y < PHINETS_INPUT_HEIGHT; y++, input += PHINETS_INPUT_WIDTH * PHINETS_INPUT_CHANNELS)
    shrink(y, input);
  return 1;
}
#endif

static void print(const char *text) {
  if (!(ITM_TCR & 1) || !(ITM_TER & 1)) return; /* tracing is off */
  for (; *text != '\0'; text++) {
    while (ITM_PORT0 == 0) {
    }
    ITM_PORT0_BYTE = (uint8_t)*text;
  }
}

static void print_number(int32_t number) {
  char digits[12], *p = digits + sizeof digits;
  uint32_t rest = number < 0 ? 0u - (uint32_t)number : (uint32_t)number;
  *--p = '\0';
  do *--p = (char)('0' + rest % 10);
  while ((rest /= 10) != 0);
  if (number < 0) *--p = '-';
  print(p);
}

/* Prints a line for each track: id, class, score in percent, corners in camera pixels. */
void phinets_tracks(const phinets_track *tracks, const phinets_box *boxes, int32_t count) {
  for (int32_t i = 0; i < count; i++) {
    const phinets_corners *box = &tracks[i].box;
    const phinets_box *detection = &boxes[tracks[i].detection];
    const double numbers[5] = {100.0 * detection->score, box->x1 * CAMERA_WIDTH, box->y1 * CAMERA_HEIGHT,
                               box->x2 * CAMERA_WIDTH, box->y2 * CAMERA_HEIGHT};
    print_number(tracks[i].id);
    print(" ");
    print(phinets_classes[detection->class_index]);
    for (int32_t k = 0; k < 5; k++) {
      print(" ");
      print_number((int32_t)numbers[k]);
    }
    print("\n");
  }
}
