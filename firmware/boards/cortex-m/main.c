/*
 * Any Cortex-M, linked into a board's regions by a generated script: network, detection and tracking with the vectors of
 * the core alone. Clock, pins and peripherals are as after reset. Define the weak functions in your own file:
 *   int phinets_frame(int8_t *input)           fill PHINETS_INPUT_BYTES with pixel - 128; return 1 when done, 0 if none
 *   void phinets_tracks(const phinets_track *tracks, const phinets_box *boxes, int32_t count)
 *   void phinets_result(const int8_t *output)  where the network is no detector: use PHINETS_OUTPUT_BYTES
 */
#include "phinets_model.h"
#include "startup.h"
#ifdef PHINETS_DETECTOR
#include "phinets_follow.h"
#endif

int phinets_frame(int8_t *input);

__attribute__((weak)) int phinets_frame(int8_t *input) {
  (void)input;
  return 0;
}

static int8_t output[PHINETS_OUTPUT_BYTES];

#ifdef PHINETS_DETECTOR
void phinets_tracks(const phinets_track *tracks, const phinets_box *boxes, int32_t count);

__attribute__((weak)) void phinets_tracks(const phinets_track *tracks, const phinets_box *boxes, int32_t count) {
  (void)tracks, (void)boxes, (void)count;
}

static phinets_follower follower;

static void start(void) { phinets_follow_start(&follower); }

static void use_output(void) {
  phinets_follow(&follower, &phinets_head, output, PHINETS_SCORE_THRESHOLD, PHINETS_NMS_IOU);
  phinets_tracks(follower.tracks, follower.boxes, follower.track_count);
}
#else
void phinets_result(const int8_t *output);

__attribute__((weak)) void phinets_result(const int8_t *output) { (void)output; }

static void start(void) {}

static void use_output(void) { phinets_result(output); }
#endif

static void stop(void) {
  for (;;) {
  }
}

typedef void (*handler)(void);
/* The system exceptions; a board's interrupts follow in its own table. */
__attribute__((section(".vectors"), used)) static const handler vectors[16] = {
    [0] = (handler)stack_top,
    [1] = Reset_Handler,
    [2 ... 15] = stop,
};

int main(void) {
  start();
  for (;;) {
    int8_t *input = phinets_input();
    if (!phinets_frame(input)) continue;
    phinets_run(input, output);
    use_output();
  }
}
