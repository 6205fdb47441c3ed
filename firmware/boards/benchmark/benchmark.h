/* The functions of a board that the benchmark needs: a serial line and a clock. Define them in your own file. */
#ifndef BENCHMARK_H
#define BENCHMARK_H

#include <stdint.h>

/* -DBENCHMARK_ENERGY selects energy mode, through the interface board: a slower line, and a pin instead of the
   clock. */
#ifdef BENCHMARK_ENERGY
#define BENCHMARK_BAUD 9600
#else
#define BENCHMARK_BAUD 115200
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* Initialises the board. Called once, before the others. */
void benchmark_start(void);
/* Waits for the next byte of the serial line (BENCHMARK_BAUD, 8N1, as configured in the runner) and returns it, 0..255;
   -1 at the end of the line. */
int benchmark_read(void);
/* Sends a byte; may block. */
void benchmark_write(char byte);
/* Returns a counter of microseconds with any start value, which wraps around from 2^32 - 1 to 0. */
uint32_t benchmark_microseconds(void);
#ifdef BENCHMARK_ENERGY
/* Sets the level, 0 or 1, of the timestamp pin, which is connected to the energy monitor. */
void benchmark_pin(int level);
#endif

#ifdef __cplusplus
}
#endif

#endif
