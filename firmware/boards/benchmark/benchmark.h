/* What the benchmark asks of a board: a serial line and a clock. Define them in a file of your own. */
#ifndef BENCHMARK_H
#define BENCHMARK_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Called once, before the others. */
void benchmark_start(void);
/* Waits for the next byte of the serial line (115200 baud, 8N1, as the runner is told); -1 where none will come. */
int benchmark_read(void);
void benchmark_write(char byte);
/* Any start; goes on from 2^32 - 1 to 0. */
uint32_t benchmark_microseconds(void);

#ifdef __cplusplus
}
#endif

#endif
