/* Counting what is refused. Every refusal is in `totals`; beside that it is attributed to its kind, and if
 * there is no room for the kind, counted as unattributed. So for every reason
 *     dropped = sum of the kinds' counts over all periods + unattributed
 * holds exactly, however fast a flood is. The agent changes the period, waits until no program still counts in
 * the old one, and empties it.
 *
 * The additions are atomic although the map is per CPU: a program can be preempted by another task that
 * runs it on the same CPU. */

static __always_inline struct totals *counters(void) {
  u32 first = 0;
  return totals.lookup(&first);
}

static __always_inline struct tally *find_kind(u8 period, struct kind *kind) {
  return period ? kinds_1.lookup(kind) : kinds_0.lookup(kind);
}

static __always_inline void announce(struct tally *tally, struct kind *kind, u64 cookie) {
  struct announcement said = {};
  said.kind = *kind;
  said.cookie = cookie;
  /* The agent reads the tally only after all programs of its period have ended, so the order does not matter. */
  tally->announced = announcements.ringbuf_output(&said, sizeof(said), 0) == 0;
}

static __always_inline int attribute(struct kind *kind, u64 cookie, u8 period) {
  struct tally *tally = find_kind(period, kind);
  if (!tally) {
    struct tally fresh = {.cookie = cookie};
    /* Who inserts it announces it; another CPU that lost the race only adds. */
    int lost = period ? kinds_1.insert(kind, &fresh) : kinds_0.insert(kind, &fresh);
    tally = find_kind(period, kind);
    if (!tally)
      return 0;
    if (!lost)
      announce(tally, kind, cookie);
  }
  __sync_fetch_and_add(&tally->count, 1);
  return 1;
}

/* `probe` is the key by which the self-check registered its socket or its process. */
static __always_inline void account(struct kind *kind, u8 reason, u32 uid, u64 cookie, u64 probe, u8 period) {
  struct totals *sum = counters();
  u32 row = reason & (REASONS - 1);
  if (!sum)
    return;
  if (probes.lookup(&probe)) {
    __sync_fetch_and_add(&sum->probes[row], 1);
    return;
  }
  __sync_fetch_and_add(&sum->dropped[row], 1);
  kind->reason = reason;
  kind->uid = uid;
  if (!attribute(kind, cookie, period))
    __sync_fetch_and_add(&sum->unattributed[row], 1);
}
