/* The benchmark on a PC: reads commands from stdin and writes answers to stdout. Microseconds are processor time. */
#include <stdio.h>
#include <time.h>

#include "benchmark.h"

void phinets_application(void);

void benchmark_start(void) {}

int benchmark_read(void) {
  fflush(stdout);
  return getchar();
}

void benchmark_write(char byte) { putchar(byte); }

uint32_t benchmark_microseconds(void) { return (uint32_t)((double)clock() / CLOCKS_PER_SEC * 1e6); }

#ifdef BENCHMARK_ENERGY
/* A PC has no such pin, so print its level. */
void benchmark_pin(int level) { fprintf(stderr, "pin %d\n", level); }
#endif

int main(void) {
  phinets_application();
  return 0;
}
