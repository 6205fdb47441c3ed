/*
 * Seeed XIAO ESP32S3 Sense with its camera (OV2640), ESP-IDF 5 and Espressif's esp32-camera. Text on USB.
 * For another board change the pins.
 */
#include <stdio.h>

#include "camera.h"
#include "esp_camera.h"
#include "freertos/FreeRTOS.h"
#include "freertos/task.h"
#include "loop.h"
#include "port.h"

static const camera_config_t settings = {
    .pin_pwdn = -1,
    .pin_reset = -1,
    .pin_xclk = 10,
    .pin_sccb_sda = 40,
    .pin_sccb_scl = 39,
    .pin_d7 = 48,
    .pin_d6 = 11,
    .pin_d5 = 12,
    .pin_d4 = 14,
    .pin_d3 = 16,
    .pin_d2 = 18,
    .pin_d1 = 17,
    .pin_d0 = 15,
    .pin_vsync = 38,
    .pin_href = 47,
    .pin_pclk = 13,
    .xclk_freq_hz = 20000000,
    .ledc_timer = LEDC_TIMER_0,
    .ledc_channel = LEDC_CHANNEL_0,
    .pixel_format = PIXFORMAT_RGB565,
    .frame_size = FRAMESIZE_QVGA, /* the build defines CAMERA_QVGA */
    .fb_count = 2,
    .fb_location = CAMERA_FB_IN_PSRAM,
    .grab_mode = CAMERA_GRAB_LATEST,
};

static camera_fb_t *picture;
static const uint8_t *next;

int camera_start(void) { return esp_camera_init(&settings) == ESP_OK; }

int camera_take(void) {
  if (picture != NULL) esp_camera_fb_return(picture);
  picture = esp_camera_fb_get();
  if (picture == NULL || picture->width != CAMERA_WIDTH || picture->height != CAMERA_HEIGHT) return 0;
  next = picture->buf;
  return 1;
}

void camera_line(uint8_t *line) {
  for (int i = 0; i < 2 * CAMERA_WIDTH; i++) line[i] = *next++;
}

void port_start(void) {}

/* A setting in sdkconfig.defaults ensures that no CR is added before LF. */
void port_write(uint8_t byte) { fputc(byte, stdout); }

void app_main(void) {
  loop_start();
  for (;;) {
    loop_once();
    vTaskDelay(1); /* lets the idle task feed the watchdog */
  }
}
