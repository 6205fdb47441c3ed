/* A line a second: what the network finds, and how long it took. With EXAMPLE_SENDS each frame as docs/wire-format.md says;
   set CONFIG_NEWLIB_STDOUT_LINE_ENDING_LF, so that no CR is put before LF. */
#include <stdio.h>

#include "esp_timer.h"
#include "example.h"
#include "freertos/FreeRTOS.h"
#include "freertos/task.h"

#ifdef EXAMPLE_SENDS
static void write_byte(uint8_t byte) { fputc(byte, stdout); }

void app_main(void) {
  for (uint32_t frame = 0;; frame++) {
    example_send(frame, write_byte);
    fflush(stdout);
    vTaskDelay(pdMS_TO_TICKS(1000));
  }
}
#else
static void print(const char *text) { fputs(text, stdout); }

void app_main(void) {
  for (uint32_t frame = 0;; frame++) {
    const int64_t start = esp_timer_get_time();
    example_frame(frame, print);
    printf(" (%d ms)\n", (int)((esp_timer_get_time() - start) / 1000));
    vTaskDelay(pdMS_TO_TICKS(1000));
  }
}
#endif
