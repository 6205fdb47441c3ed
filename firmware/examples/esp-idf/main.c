/* Once a second, runs the network and prints a line with the result and the time it took. With EXAMPLE_SENDS (see
   example.h), sends each frame in the format of docs/wire-format.md instead; set CONFIG_NEWLIB_STDOUT_LINE_ENDING_LF,
   so that no CR is added before LF. */
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
