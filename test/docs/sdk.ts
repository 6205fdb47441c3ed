/**
 * Declarations of the functions of Raspberry Pi's and Espressif's SDKs that the applications call, from their
 * documentation: enough for the compiler to check the calls. The SDKs have no Debian packages.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

const pico = {
  "pico/stdlib.h": `#include <stdbool.h>
#include <stdint.h>
bool stdio_init_all(void);
int putchar_raw(int c);
void sleep_ms(uint32_t ms);
`,
  "hardware/gpio.h": `#include <stdbool.h>
typedef unsigned int uint;
typedef enum gpio_function_rp2040 { GPIO_FUNC_SPI = 1 } gpio_function_t;
#define GPIO_OUT 1
#define PICO_DEFAULT_SPI_SCK_PIN 18
#define PICO_DEFAULT_SPI_TX_PIN 19
#define PICO_DEFAULT_SPI_RX_PIN 16
#define PICO_DEFAULT_SPI_CSN_PIN 17
void gpio_init(uint gpio);
void gpio_put(uint gpio, bool value);
void gpio_set_dir(uint gpio, bool out);
void gpio_set_function(uint gpio, gpio_function_t fn);
`,
  "hardware/spi.h": `#include <stddef.h>
#include <stdint.h>
typedef struct spi_inst spi_inst_t;
extern spi_inst_t *const spi_default;
unsigned int spi_init(spi_inst_t *spi, unsigned int baudrate);
int spi_write_read_blocking(spi_inst_t *spi, const uint8_t *src, uint8_t *dst, size_t len);
`,
};

const espressif = {
  "freertos/FreeRTOS.h": "#include <stdint.h>\ntypedef uint32_t TickType_t;\n",
  "freertos/task.h": "void vTaskDelay(const TickType_t ticks);\n",
  "esp_camera.h": `#include <stddef.h>
#include <stdint.h>
typedef int esp_err_t;
#define ESP_OK 0
typedef enum { LEDC_TIMER_0 } ledc_timer_t;
typedef enum { LEDC_CHANNEL_0 } ledc_channel_t;
typedef enum { PIXFORMAT_RGB565 } pixformat_t;
typedef enum { FRAMESIZE_QVGA = 5 } framesize_t;
typedef enum { CAMERA_GRAB_WHEN_EMPTY, CAMERA_GRAB_LATEST } camera_grab_mode_t;
typedef enum { CAMERA_FB_IN_PSRAM, CAMERA_FB_IN_DRAM } camera_fb_location_t;
typedef struct {
  int pin_pwdn, pin_reset, pin_xclk, pin_sccb_sda, pin_sccb_scl;
  int pin_d7, pin_d6, pin_d5, pin_d4, pin_d3, pin_d2, pin_d1, pin_d0, pin_vsync, pin_href, pin_pclk;
  int xclk_freq_hz;
  ledc_timer_t ledc_timer;
  ledc_channel_t ledc_channel;
  pixformat_t pixel_format;
  framesize_t frame_size;
  int jpeg_quality;
  size_t fb_count;
  camera_fb_location_t fb_location;
  camera_grab_mode_t grab_mode;
  int sccb_i2c_port;
} camera_config_t;
typedef struct {
  uint8_t *buf;
  size_t len, width, height;
  pixformat_t format;
} camera_fb_t;
esp_err_t esp_camera_init(const camera_config_t *config);
camera_fb_t *esp_camera_fb_get(void);
void esp_camera_fb_return(camera_fb_t *fb);
void app_main(void);
`,
};

/** Writes the headers into a folder. */
export function declareSdk(folder: string): void {
  for (const [name, text] of Object.entries({ ...pico, ...espressif })) {
    const file = join(folder, name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, `#pragma once\n${text}`);
  }
}
