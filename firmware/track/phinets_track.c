#include "phinets_double.h" /* first */

#include "phinets_track.h"

#include <string.h>

#include "assignment.h"

/* Measurement noise of centre x, centre y, area and aspect ratio; process noise of the velocities (1 for the
   values). */
static const double measurement_noise[4] = {1.0, 1.0, 10.0, 10.0};
static const double velocity_noise[3] = {0.01, 0.01, 0.0001};

/* Correctly rounded square root, equal to JavaScript's Math.sqrt. Each iteration finds one bit: 53 and one for
   rounding. */
static double square_root(double x) {
  if (!(x > 0.0)) return x == 0.0 ? 0.0 : (x - x) / (x - x); /* NaN for a negative x */
  if (x - x != 0.0) return x;
  const int subnormal = x < 2.2250738585072014e-308;
  if (subnormal) x *= 18014398509481984.0; /* 2^54 */
  uint64_t bits;
  memcpy(&bits, &x, sizeof bits);
  int32_t exponent = (int32_t)(bits >> 52) - 1023;
  uint64_t mantissa = (bits & ((UINT64_C(1) << 52) - 1)) | UINT64_C(1) << 52;
  if (exponent % 2 != 0) {
    mantissa <<= 1;
    exponent--;
  }
  uint64_t root = 0, rest = 0;
  for (int i = 0; i < 54; i++) {
    rest = rest << 2 | (i < 27 ? mantissa >> (52 - 2 * i) & 3 : 0);
    const uint64_t trial = root << 2 | 1;
    root <<= 1;
    if (rest >= trial) {
      rest -= trial;
      root |= 1;
    }
  }
  root = (root + 1) >> 1;
  bits = (root & ((UINT64_C(1) << 52) - 1)) | (uint64_t)(exponent / 2 + 1023) << 52;
  memcpy(&x, &bits, sizeof x);
  return subnormal ? x / 134217728.0 : x; /* 2^27 */
}

static void filter_start(phinets_box_filter *f, const phinets_corners *box) {
  const double width = box->x2 - box->x1, height = box->y2 - box->y1;
  memset(f, 0, sizeof *f);
  f->value[0] = box->x1 + width / 2.0;
  f->value[1] = box->y1 + height / 2.0;
  f->value[2] = width * height;
  f->aspect = width / height;
  for (int b = 0; b < 3; b++) f->covariance[b][0] = 10.0, f->covariance[b][3] = 10000.0;
  f->aspect_variance = 10.0;
}

static void filter_predict(phinets_box_filter *f) {
  if (f->velocity[2] + f->value[2] <= 0.0) f->velocity[2] = 0.0; /* keeps the area positive */
  for (int b = 0; b < 3; b++) {
    double *p = f->covariance[b];
    f->value[b] += f->velocity[b];
    const double crossed = p[1] + p[3];
    p[0] = p[0] + p[2] + crossed + 1.0;
    p[1] = crossed;
    p[2] += p[3];
    p[3] += velocity_noise[b];
  }
  f->aspect_variance += 1.0;
}

static void filter_update(phinets_box_filter *f, const phinets_corners *box) {
  const double width = box->x2 - box->x1, height = box->y2 - box->y1;
  const double measured[3] = {box->x1 + width / 2.0, box->y1 + height / 2.0, width * height};
  for (int b = 0; b < 3; b++) {
    double *p = f->covariance[b];
    const double noise = measurement_noise[b], inverse = 1.0 / (p[0] + noise);
    const double gain = p[0] * inverse, velocity_gain = p[2] * inverse;
    const double residual = measured[b] - f->value[b];
    f->value[b] += gain * residual;
    f->velocity[b] += velocity_gain * residual;
    /* Joseph's form: (I - K H) P (I - K H)' + K R K' */
    const double kept = 1.0 - gain;
    const double p00 = kept * p[0], p01 = kept * p[1];
    const double p10 = p[2] - velocity_gain * p[0], p11 = p[3] - velocity_gain * p[1];
    p[0] = p00 * kept + gain * noise * gain;
    p[1] = p01 - p00 * velocity_gain + gain * noise * velocity_gain;
    p[2] = p10 * kept + velocity_gain * noise * gain;
    p[3] = p11 - p10 * velocity_gain + velocity_gain * noise * velocity_gain;
  }
  const double gain = f->aspect_variance / (f->aspect_variance + measurement_noise[3]);
  f->aspect += gain * (width / height - f->aspect);
  f->aspect_variance = (1.0 - gain) * f->aspect_variance * (1.0 - gain) + gain * measurement_noise[3] * gain;
}

static phinets_corners filter_box(const phinets_box_filter *f) {
  const double width = square_root(f->value[2] * f->aspect), height = f->value[2] / width;
  return (phinets_corners){
      f->value[0] - width / 2.0,
      f->value[1] - height / 2.0,
      f->value[0] + width / 2.0,
      f->value[1] + height / 2.0,
  };
}

static int is_number(double x) { return x - x == 0.0; }

static int is_finite(const phinets_corners *box) {
  return is_number(box->x1 + box->y1 + box->x2 + box->y2);
}

/* 1 if width, height and area are positive, and area and aspect ratio are finite. */
static int has_size(const phinets_corners *box) {
  const double width = box->x2 - box->x1, height = box->y2 - box->y1, area = width * height;
  return width > 0.0 && height > 0.0 && area > 0.0 && is_number(area) && is_number(width / height);
}

static double overlap(const phinets_corners *a, const phinets_corners *b) {
  const double width = (a->x2 < b->x2 ? a->x2 : b->x2) - (a->x1 > b->x1 ? a->x1 : b->x1);
  const double height = (a->y2 < b->y2 ? a->y2 : b->y2) - (a->y1 > b->y1 ? a->y1 : b->y1);
  if (!(width > 0.0) || !(height > 0.0)) return 0.0;
  const double both = width * height;
  return both / ((a->x2 - a->x1) * (a->y2 - a->y1) + (b->x2 - b->x1) * (b->y2 - b->y1) - both);
}

/* Counters saturate at INT32_MAX, which they reach after 6.8 years at ten frames a second. */
static void count_up(int32_t *counter) {
  if (*counter < INT32_MAX) ++*counter;
}

static void predict(phinets_tracker *t) {
  int32_t alive = 0;
  for (int32_t i = 0; i < t->count; i++) {
    phinets_tracked *track = &t->tracks[i];
    filter_predict(&track->filter);
    if (track->frames_since_update > 0) track->hit_streak = 0;
    count_up(&track->frames_since_update);
    t->predicted[alive] = filter_box(&track->filter);
    if (is_finite(&t->predicted[alive])) t->tracks[alive++] = *track;
  }
  t->count = alive;
}

/* Computes the IoU of every detection with every prediction. If at least one pair is above the threshold and no
   detection or prediction is in two such pairs, stores these pairs in track_of and returns 1; else sets all entries of
   track_of to -1 and returns 0. */
static int compare(phinets_tracker *t, const phinets_corners *detections, const int32_t *used, int32_t rows,
                   int32_t *track_of) {
  int unique = 1, some = 0;
  uint8_t taken[PHINETS_MAX_TRACKS] = {0};
  for (int32_t r = 0; r < rows; r++) {
    track_of[r] = -1;
    for (int32_t c = 0; c < t->count; c++) {
      t->iou[r][c] = overlap(&detections[used[r]], &t->predicted[c]);
      if (!(t->iou[r][c] > t->iou_threshold)) continue;
      if (track_of[r] >= 0 || taken[c]) unique = 0;
      track_of[r] = c;
      taken[c] = 1;
      some = 1;
    }
  }
  if (some && unique) return 1;
  for (int32_t r = 0; r < rows; r++) track_of[r] = -1;
  return 0;
}

static void begin(phinets_tracker *t, const phinets_corners *box, int32_t detection) {
  if (t->count == PHINETS_MAX_TRACKS) return;
  phinets_tracked *track = &t->tracks[t->count++];
  filter_start(&track->filter, box);
  /* After 2^31 - 1 tracks, ids restart at 1. */
  t->born = t->born == INT32_MAX ? 1 : t->born + 1;
  track->id = t->born;
  track->frames_since_update = 0;
  track->hit_streak = 0;
  track->detection = detection;
}

/* Pairs detections with tracks, updates the paired tracks and starts new ones. used[r] is the index in `detections` of
   the r-th of `rows` valid detections. */
static void pair(phinets_tracker *t, const phinets_corners *detections, const int32_t *used, int32_t rows) {
  int32_t track_of[PHINETS_MAX_TRACKS];
  if (!compare(t, detections, used, rows, track_of) && rows > 0 && t->count > 0)
    phinets_assign(t->iou, rows, t->count, track_of);
  for (int32_t r = 0; r < rows; r++) {
    if (track_of[r] < 0 || t->iou[r][track_of[r]] < t->iou_threshold) continue;
    phinets_tracked *track = &t->tracks[track_of[r]];
    filter_update(&track->filter, &detections[used[r]]);
    track->frames_since_update = 0;
    count_up(&track->hit_streak);
    track->detection = used[r];
  }
  /* New ids go first to detections that the assignment left out, then to those that it paired with too little overlap,
     as in the library. */
  for (int32_t r = 0; r < rows; r++)
    if (track_of[r] < 0) begin(t, &detections[used[r]], used[r]);
  for (int32_t r = 0; r < rows; r++)
    if (track_of[r] >= 0 && t->iou[r][track_of[r]] < t->iou_threshold) begin(t, &detections[used[r]], used[r]);
}

/* Writes the tracks to report, returns their number, and removes tracks that are too old. */
static int32_t report(phinets_tracker *t, phinets_track *tracks) {
  int32_t shown = 0, alive = 0;
  for (int32_t i = t->count - 1; i >= 0; i--) {
    const phinets_tracked *track = &t->tracks[i];
    if (track->frames_since_update > 0) continue;
    if (track->hit_streak < t->min_hits && t->frames > t->min_hits) continue;
    const phinets_corners box = filter_box(&track->filter);
    if (is_finite(&box)) tracks[shown++] = (phinets_track){track->id, track->detection, box};
  }
  for (int32_t i = 0; i < t->count; i++)
    if (t->tracks[i].frames_since_update <= t->max_age) t->tracks[alive++] = t->tracks[i];
  t->count = alive;
  return shown;
}

void phinets_tracker_start(phinets_tracker *tracker) {
  memset(tracker, 0, sizeof *tracker);
  tracker->max_age = 1;
  tracker->min_hits = 3;
  tracker->iou_threshold = 0.3;
}

int32_t phinets_tracker_update(phinets_tracker *tracker, const phinets_corners *detections, int32_t count,
                               phinets_track *tracks) {
  int32_t used[PHINETS_MAX_TRACKS], rows = 0;
  for (int32_t i = 0; i < count && rows < PHINETS_MAX_TRACKS; i++)
    if (has_size(&detections[i])) used[rows++] = i;
  count_up(&tracker->frames);
  predict(tracker);
  pair(tracker, detections, used, rows);
  return report(tracker, tracks);
}
