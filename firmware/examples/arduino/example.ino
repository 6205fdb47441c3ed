/* A line a second: what the network finds, and how long it took. */
#include "example.h"

static void print(const char *text) { Serial.print(text); }

void setup() { Serial.begin(115200); }

void loop() {
  static uint32_t frame;
  const unsigned long start = millis();
  example_frame(frame++, print);
  Serial.print(" (");
  Serial.print(millis() - start);
  Serial.println(" ms)");
  delay(1000);
}
