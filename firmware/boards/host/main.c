/* Runs the network on a PC: `model INPUTS OUTPUTS`. The files contain complete int8 inputs and outputs, one after the
   other. */
#include <stdio.h>
#include <stdlib.h>

#include "phinets_model.h"

/* Layers may read up to 3 bytes beyond the end of the input and the output. */
static int8_t input[PHINETS_INPUT_BYTES + 3], output[PHINETS_OUTPUT_BYTES + 3];

static FILE *open_file(const char *path, const char *mode) {
  FILE *file = fopen(path, mode);
  if (file == NULL) {
    perror(path);
    exit(1);
  }
  return file;
}

/* If the rows of the input are pushed, pushes one at a time, as from a camera. */
static void infer(void) {
#ifdef PHINETS_INPUT_BY_ROWS
  const int8_t *row = input;
  phinets_begin(output);
  while (!phinets_push_rows(row, 1)) row += PHINETS_INPUT_WIDTH * PHINETS_INPUT_CHANNELS;
#else
  phinets_run(input, output);
#endif
}

int main(int argc, char **argv) {
  if (argc != 3) {
    fprintf(stderr, "usage: %s INPUTS OUTPUTS\n", argv[0]);
    return 2;
  }
  FILE *inputs = open_file(argv[1], "rb"), *outputs = open_file(argv[2], "wb");
  size_t length;
  while ((length = fread(input, 1, PHINETS_INPUT_BYTES, inputs)) == PHINETS_INPUT_BYTES) {
    infer();
    if (fwrite(output, 1, PHINETS_OUTPUT_BYTES, outputs) != PHINETS_OUTPUT_BYTES) {
      perror(argv[2]);
      return 1;
    }
  }
  if (length != 0) {
    fprintf(stderr, "%s: %zu bytes are left after the last whole input of %d bytes\n", argv[1], length,
            PHINETS_INPUT_BYTES);
    return 1;
  }
  return fclose(outputs) == 0 ? 0 : 1;
}
