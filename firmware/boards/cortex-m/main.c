/*
 * Any Cortex-M, linked into a board's regions by a generated script: network, detection and tracking with the vectors of
 * the core alone. Clock, pins and peripherals are as after reset. Define the weak functions in your own file:
 *   int phinets_frame(int8_t *input)           fill PHINETS_INPUT_BYTES with pixel - 128; return 1 when done, 0 if none
 *   void phinets_tracks(const phinets_track *tracks, const phinets_box *boxes, int32_t count)
 *   void phinets_result(const int8_t *output)  where the network is no detector: use PHINETS_OUTPUT_BYTES
 */
#include "serve.h"

typedef void (*handler)(void);
/* The system exceptions; a board's interrupts follow in its own table. */
__attribute__((section(".vectors"), used)) static const handler vectors[16] = {
    [0] = (handler)stack_top,
    [1] = Reset_Handler,
    [2 ... 15] = stop,
};

int main(void) {
  start();
  for (;;) serve_frame();
}
