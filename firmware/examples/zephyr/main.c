/* Once a second, runs the network and prints a line with the result and the time it took. With EXAMPLE_SENDS (see
   example.h), sends each frame in the format of docs/wire-format.md over the console's UART instead. */
#include <zephyr/kernel.h>
#include <zephyr/sys/printk.h>

#include "example.h"

#ifdef EXAMPLE_SENDS
#include <zephyr/device.h>
#include <zephyr/drivers/uart.h>

static void write_byte(uint8_t byte) { uart_poll_out(DEVICE_DT_GET(DT_CHOSEN(zephyr_console)), byte); }

int main(void) {
  for (uint32_t frame = 0;; frame++) {
    example_send(frame, write_byte);
    k_msleep(1000);
  }
}
#else
static void print(const char *text) { printk("%s", text); }

int main(void) {
  for (uint32_t frame = 0;; frame++) {
    const uint32_t start = k_uptime_get_32();
    example_frame(frame, print);
    printk(" (%u ms)\n", (unsigned)(k_uptime_get_32() - start));
    k_msleep(1000);
  }
}
#endif
