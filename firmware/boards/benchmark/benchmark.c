/*
 * The serial protocol of MLPerf Tiny. EEMBC's runner (github.com/mlcommons/tiny, benchmark/runner), or a person at a
 * terminal, loads an input, runs the network and reads the results and the time in microseconds. A command ends with %,
 * an answer with m-ready. The messages are those of mlcommons/tiny, benchmark/api. In energy mode (-DBENCHMARK_ENERGY),
 * a falling edge on a pin replaces each timestamp, as in the reference_submissions there.
 */
#include "benchmark.h"

#include <string.h>

#include "phinets_model.h"

/* Formats of the input that the host sends. */
#define BENCHMARK_INT8 0   /* quantised values */
#define BENCHMARK_PIXELS 1 /* 0..255: quantised values plus 128 */
#define BENCHMARK_FLOATS 2 /* little-endian float32 */

/* The default is the format of the benchmark's data sets: pixels for three channels, floats for an autoencoder, else
   int8. */
#ifndef BENCHMARK_INPUT
#if PHINETS_INPUT_BYTES == PHINETS_OUTPUT_BYTES && !defined(PHINETS_OUTPUTS)
#define BENCHMARK_INPUT BENCHMARK_FLOATS
#elif PHINETS_INPUT_CHANNELS == 3
#define BENCHMARK_INPUT BENCHMARK_PIXELS
#else
#define BENCHMARK_INPUT BENCHMARK_INT8
#endif
#endif

/* Name of the network in the benchmark. */
#ifndef BENCHMARK_MODEL
#if PHINETS_INPUT_BYTES == 490
#define BENCHMARK_MODEL "kws01"
#elif PHINETS_INPUT_BYTES == 27648
#define BENCHMARK_MODEL "vww01"
#elif PHINETS_INPUT_BYTES == 3072
#define BENCHMARK_MODEL "ic01"
#elif PHINETS_INPUT_BYTES == 640
#define BENCHMARK_MODEL "ad01"
#else
#define BENCHMARK_MODEL "other"
#endif
#endif

enum {
  COMMAND_BYTES = 80,
  RECEIVED_BYTES = BENCHMARK_INPUT == BENCHMARK_FLOATS ? 4 * PHINETS_INPUT_BYTES : PHINETS_INPUT_BYTES,
  /* Converts a pixel to a quantised value by exclusive or. */
  FLIP = BENCHMARK_INPUT == BENCHMARK_PIXELS ? 0x80 : 0
};

/* 4 more bytes, because a run reads up to 3 bytes beyond its input. */
static uint8_t received[RECEIVED_BYTES + 4];
static uint32_t expected, count;
static int8_t output[PHINETS_OUTPUT_BYTES];

static void put(const char *text) {
  while (*text != '\0') benchmark_write(*text++);
}

static void put_number(uint32_t number) {
  char digits[10];
  int length = 0;
  do digits[length++] = (char)('0' + number % 10);
  while ((number /= 10) > 0);
  while (length > 0) benchmark_write(digits[--length]);
}

/* Prints a number with three decimal places. */
static void put_real(float value) {
  const float thousandths = (value < 0 ? -value : value) * 1000.0f + 0.5f;
  const uint32_t number = thousandths < 4e9f ? (uint32_t)thousandths : 4000000000u;
  if (value < 0 && number > 0) benchmark_write('-');
  put_number(number / 1000);
  benchmark_write('.');
  for (uint32_t place = 100; place > 0; place /= 10) benchmark_write((char)('0' + number / place % 10));
}

#ifdef BENCHMARK_ENERGY
#define BENCHMARK_MODE "energy"
enum { PULSE_MICROSECONDS = 1000 };

/* The falling edge is the timestamp; the pin is high before and after. */
static void put_timestamp(void) {
  const uint32_t start = benchmark_microseconds();
  benchmark_pin(0);
  while (benchmark_microseconds() - start < PULSE_MICROSECONDS) {
  }
  benchmark_pin(1);
}
#else
#define BENCHMARK_MODE "performance"

static void put_timestamp(void) {
  const uint32_t now = benchmark_microseconds();
  put("m-lap-us-");
  put_number(now);
  put("\r\n");
}
#endif

static void error(const char *text) {
  put("e-[");
  put(text);
  put("]\r\n");
}

/* Returns the word at `*at`, terminated, and advances `*at` past it; "" if there is none. */
static char *next_word(char **at) {
  char *word = *at;
  while (*word == ' ') word++;
  char *end = word;
  while (*end != ' ' && *end != '\0') end++;
  *at = *end == '\0' ? end : end + 1;
  *end = '\0';
  return word;
}

/* Parses a decimal number; -1 if it is not one. */
static int32_t number_of(const char *digits) {
  int32_t number = 0;
  if (*digits == '\0') return -1;
  for (; *digits != '\0'; digits++) {
    if (*digits < '0' || *digits > '9' || number > 100000000) return -1;
    number = 10 * number + (*digits - '0');
  }
  return number;
}

static int digit_of(char hex) {
  if (hex >= '0' && hex <= '9') return hex - '0';
  if (hex >= 'a' && hex <= 'f') return hex - 'a' + 10;
  if (hex >= 'A' && hex <= 'F') return hex - 'A' + 10;
  return -1;
}

static void load(const char *size) {
  const int32_t bytes = number_of(size);
  if (bytes <= 0) {
    error("Command 'db load' must be >0 bytes");
    return;
  }
  if (bytes != RECEIVED_BYTES) {
    put("e-[Command 'db load' needs ");
    put_number(RECEIVED_BYTES);
    put(" bytes]\r\n");
    return;
  }
  expected = (uint32_t)bytes;
  count = 0;
  put("m-[Expecting ");
  put_number(expected);
  put(" bytes]\r\n");
}

static void take(const char *hex) {
  if (strlen(hex) % 2 != 0) {
    error("Insufficient number of hex digits");
    return;
  }
  for (; *hex != '\0' && count < expected; hex += 2) {
    const int high = digit_of(hex[0]), low = digit_of(hex[1]);
    if (high < 0 || low < 0) {
      error("Invalid hex digit");
      return;
    }
    received[count++] = (uint8_t)((high << 4 | low) ^ FLIP);
    if (count == expected) put("m-load-done\r\n");
  }
}

static void print_buffer(void) {
  for (uint32_t i = 0; i < count; i++) {
    if (i % 8 == 0) put("m-buffer-");
    for (int shift = 4; shift >= 0; shift -= 4) benchmark_write("0123456789abcdef"[(received[i] ^ FLIP) >> shift & 15]);
    put(i % 8 == 7 || i + 1 == count ? "\r\n" : "-");
  }
}

static void buffer(char *rest) {
  const char *word = next_word(&rest);
  if (*word == '\0')
    error("Command 'db' requires a subcommand");
  else if (strcmp(word, "load") == 0)
    load(next_word(&rest));
  else if (strcmp(word, "print") == 0)
    print_buffer();
  else
    take(word);
}

#if BENCHMARK_INPUT == BENCHMARK_FLOATS
static float real_input(uint32_t i) {
  float value;
  memcpy(&value, received + 4 * i, 4);
  return value;
}

static float clamp(float value, float least, float most) {
  return value < least ? least : value > most ? most : value;
}

static const int8_t *input_bytes(void) {
  static int8_t input[PHINETS_INPUT_BYTES + 4];
  for (uint32_t i = 0; i < PHINETS_INPUT_BYTES; i++) {
    const float steps = clamp(real_input(i) / PHINETS_INPUT_SCALE, -512, 512);
    const int32_t byte = (int32_t)(steps + (steps < 0 ? -0.5f : 0.5f)) + PHINETS_INPUT_ZERO_POINT;
    input[i] = (int8_t)(byte < -128 ? -128 : byte > 127 ? 127 : byte);
  }
  return input;
}
#else
static const int8_t *input_bytes(void) { return (const int8_t *)received; }
#endif

static void infer_once(const int8_t *input) {
#ifdef PHINETS_INPUT_BY_ROWS
  phinets_begin(output);
  while (!phinets_push_rows(input, 1)) input += PHINETS_INPUT_WIDTH * PHINETS_INPUT_CHANNELS;
#else
  phinets_run(input, output);
#endif
}

static float real_output(uint32_t i) {
#ifdef PHINETS_OUTPUTS /* several outputs with different scales: report the bytes */
  return output[i];
#else
  return PHINETS_OUTPUT_SCALE * (float)(output[i] - PHINETS_OUTPUT_ZERO_POINT);
#endif
}

static void print_results(void) {
  put("m-results-[");
#if BENCHMARK_INPUT == BENCHMARK_FLOATS && PHINETS_INPUT_BYTES == PHINETS_OUTPUT_BYTES
  /* Reconstruction error of an autoencoder: the mean squared difference of output and input. */
  float sum = 0;
  for (uint32_t i = 0; i < PHINETS_OUTPUT_BYTES; i++) {
    const float difference = real_output(i) - real_input(i);
    sum += difference * difference;
  }
  put_real(sum / PHINETS_OUTPUT_BYTES);
#else
  for (uint32_t i = 0; i < PHINETS_OUTPUT_BYTES; i++) {
    if (i > 0) benchmark_write(',');
    put_real(real_output(i));
  }
#endif
  put("]\r\n");
}

static void infer(char *rest) {
  const char *times = next_word(&rest), *before = next_word(&rest);
  int32_t runs = *times == '\0' ? 1 : number_of(times), warmups = *before == '\0' ? 10 : number_of(before);
  if (runs <= 0) {
    error("Inference iterations must be >0");
    return;
  }
  if (warmups < 0) {
    error("Inference warmup must be >=0");
    return;
  }
  if (count != RECEIVED_BYTES) {
    error("No input is loaded: db load first");
    return;
  }
  const int8_t *input = input_bytes();
  put("m-warmup-start-");
  put_number((uint32_t)warmups);
  put("\r\n");
  while (warmups-- > 0) infer_once(input);
  put("m-warmup-done\r\nm-infer-start-");
  put_number((uint32_t)runs);
  put("\r\n");
  put_timestamp();
  while (runs-- > 0) infer_once(input);
  put_timestamp();
  put("m-infer-done\r\n");
  print_results();
}

static void obey(char *command) {
  char *rest = command;
  const char *word = next_word(&rest);
  if (*word == '\0') {
    /* The runner sends an empty command to flush the line. */
  } else if (strcmp(word, "name") == 0) {
    put("m-name-dut-[PhiNets]\r\n");
  } else if (strcmp(word, "timestamp") == 0) {
    put_timestamp();
  } else if (strcmp(word, "profile") == 0) {
    put("m-profile-[ULPMark for tinyML Firmware V0.0.1]\r\nm-model-[" BENCHMARK_MODEL "]\r\n");
  } else if (strcmp(word, "db") == 0) {
    buffer(rest);
  } else if (strcmp(word, "infer") == 0) {
    infer(rest);
  } else if (strcmp(word, "results") == 0) {
    print_results();
  } else if (strcmp(word, "help") == 0) {
    put("name, profile, timestamp, results\r\n"
        "db load N     : an input of N bytes follows\r\n"
        "db HH[HH]*    : its next bytes, in hexadecimal digits\r\n"
        "db print      : print it\r\n"
        "infer N [W]   : run the network N times after W others, 10 if not said\r\n"
        "each command ends with %\r\n");
  } else {
    put("e-[Unknown command: ");
    put(word);
    put("]\r\n");
  }
  put("m-ready\r\n");
}

/* Replaces the board's own loop. Returns at the end of the serial line. */
void phinets_application(void);

void phinets_application(void) {
  static char command[COMMAND_BYTES + 1];
  uint32_t length = 0;
  benchmark_start();
  put("m-timestamp-mode-" BENCHMARK_MODE "\r\n");
  put_timestamp();
  put("m-init-done\r\nm-ready\r\n");
  for (int byte; (byte = benchmark_read()) >= 0;) {
    if (byte == '%') {
      command[length] = '\0';
      length = 0;
      obey(command);
    } else if (byte != '\r' && byte != '\n' && length < COMMAND_BYTES) {
      command[length++] = (char)byte;
    }
  }
}
