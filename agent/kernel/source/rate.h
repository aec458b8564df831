/* The generic cell rate algorithm. A token is one number: the theoretical arrival time of the next value. It
 * is changed by compare-and-swap, since with plain stores two CPUs let too much through. */

#define ATTEMPTS 8

/* A token due later than its rule can bring about was taken under a slower one: what it owes is an empty bucket, and
 * no more. The time is read anew, since another CPU may have taken it, under this rule, later than `now`. */
static __always_inline void loosen(u64 *token, u64 due, u64 tolerance) {
  u64 empty = bpf_ktime_get_ns() + tolerance;
  if (due > empty)
    __sync_val_compare_and_swap(token, due, empty);
}

static __always_inline int take_token(struct rule *rule, u64 now, u32 factor) {
  u32 slot = rule->slot;
  u64 interval = rule->interval * factor, tolerance = rule->tolerance * factor;
  u64 *token;
  if (!interval)
    return 1;
  token = tokens.lookup(&slot);
  if (!token)
    return 0;
  for (int i = 0; i < ATTEMPTS; i++) {
    u64 due = *(volatile u64 *)token;
    u64 next = (due > now ? due : now) + interval;
    if (next - now > tolerance) {
      if (due > now + tolerance)
        loosen(token, due, tolerance);
      return 0;
    }
    if (__sync_val_compare_and_swap(token, due, next) == due)
      return 1;
  }
  return 0; /* so many at once: the others had the tokens */
}
