/* Once a second, runs the network and prints a line with the result and the time it took. With EXAMPLE_SENDS (see
   example.h), sends each frame in the format of docs/wire-format.md instead. */
#include "example.h"

void setup() { Serial.begin(115200); }

#ifdef EXAMPLE_SENDS
static void write_byte(uint8_t byte) { Serial.write(byte); }

void loop() {
  static uint32_t frame;
  example_send(frame++, write_byte);
  delay(1000);
}
#else
static void print(const char *text) { Serial.print(text); }

void loop() {
  static uint32_t frame;
  const unsigned long start = millis();
  example_frame(frame++, print);
  Serial.print(" (");
  Serial.print(millis() - start);
  Serial.println(" ms)");
  delay(1000);
}
#endif
