/* A line a second: what the network finds, and how long it took. With EXAMPLE_SENDS each frame as docs/wire-format.md says. */
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
