/* Where telemetry may go: a handful of servers, compared one after the other, which beats a hash for so few. */

struct address {
  u64 high;
  u64 low;
  u16 port; /* network order */
};

#define MAPPED(ipv4) (((u64)(ipv4) << 32) | 0xffff0000ULL)
#define LOOPBACK4 0x0100007fU
#define LOOPBACK6_LOW (1ULL << 56)

static __always_inline int is_destination(struct head *head, struct address *to) {
#pragma unroll
  for (u32 i = 0; i < DESTINATIONS; i++) {
    struct destination *one = &head->destinations[i];
    if (i >= head->count)
      return 0;
    if (one->low == to->low && one->port == to->port && one->high == to->high)
      return 1;
  }
  return 0;
}

/* The self-check's own sockets may also reach its listener. */
static __always_inline int is_listener(u64 cookie, struct address *to) {
  struct probe *probe = probes.lookup(&cookie);
  return probe && probe->port == to->port && to->high == 0 &&
         (to->low == MAPPED(LOOPBACK4) || to->low == LOOPBACK6_LOW);
}

static __always_inline void name_destination(struct kind *kind, struct address *to) {
  *(u64 *)&kind->name[0] = to->high;
  *(u64 *)&kind->name[8] = to->low;
  *(u16 *)&kind->name[16] = to->port;
}
