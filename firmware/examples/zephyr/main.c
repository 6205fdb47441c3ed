/* A line a second: what the network finds, and how long it took. */
#include <zephyr/kernel.h>
#include <zephyr/sys/printk.h>

#include "example.h"

static void print(const char *text) { printk("%s", text); }

int main(void) {
  for (uint32_t frame = 0;; frame++) {
    const uint32_t start = k_uptime_get_32();
    example_frame(frame, print);
    printk(" (%u ms)\n", (unsigned)(k_uptime_get_32() - start));
    k_msleep(1000);
  }
}
