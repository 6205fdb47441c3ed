/* What the benchmark asks of a board: a serial line and a clock. Define them in a file of your own. */
#ifndef BENCHMARK_H
#define BENCHMARK_H

#include <stdint.h>

/* With -DBENCHMARK_ENERGY energy mode, over the interface board: a slow line, and a pin in place of the clock. */
#ifdef BENCHMARK_ENERGY
#define BENCHMARK_BAUD 9600
#else
#define BENCHMARK_BAUD 115200
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* Called once, before the others. */
void benchmark_start(void);
/* Waits for the next byte of the serial line (BENCHMARK_BAUD, 8N1, as the runner is told); -1 where none will come. */
int benchmark_read(void);
void benchmark_write(char byte);
/* Any start; goes on from 2^32 - 1 to 0. */
uint32_t benchmark_microseconds(void);
#ifdef BENCHMARK_ENERGY
/* The pin that the energy monitor's side listens to: 0 or 1. */
void benchmark_pin(int level);
#endif

#ifdef __cplusplus
}
#endif

#endif
