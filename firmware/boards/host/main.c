/* Runs the network on a PC: `model inputs outputs`. The files hold whole inputs and outputs, one after the other. */
#include <stdio.h>
#include <stdlib.h>

#include "phinets_model.h"

static int8_t input[PHINETS_INPUT_BYTES], output[PHINETS_OUTPUT_BYTES];

static FILE *open_file(const char *path, const char *mode) {
  FILE *file = fopen(path, mode);
  if (file == NULL) {
    perror(path);
    exit(1);
  }
  return file;
}

int main(int argc, char **argv) {
  if (argc != 3) {
    fprintf(stderr, "usage: %s INPUTS OUTPUTS\n", argv[0]);
    return 2;
  }
  FILE *inputs = open_file(argv[1], "rb"), *outputs = open_file(argv[2], "wb");
  size_t length;
  while ((length = fread(input, 1, sizeof input, inputs)) == sizeof input) {
    if (phinets_run(input, output) != 0 || fwrite(output, 1, sizeof output, outputs) != sizeof output) {
      perror(argv[2]);
      return 1;
    }
  }
  if (length != 0) {
    fprintf(stderr, "%s: %zu bytes are left after the last whole input of %zu bytes\n", argv[1], length, sizeof input);
    return 1;
  }
  return fclose(outputs) == 0 ? 0 : 1;
}
