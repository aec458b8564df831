/* What the programs and the agent share. A change here changes the layout's digest, and with it the folder
 * under which the maps are pinned: a new agent never reads an old one's memory wrongly.
 *
 * Every map is pinned by the loader, so that programs loaded later meet the same policy, tokens and counters. */

#define NAME_LIMIT 64
#define SHORT_NAME_LIMIT 32
#define METRICS 16384
#define TOKENS 65536
#define DESTINATIONS 8
#define REASONS 32
#define KINDS 1024
#define PROBES 64

enum type { GAUGE = 1, COUNTER, TIMER, SET };

enum verdict { ALLOWED = 1, FORBIDDEN_NAME, PROBE_NAME };

struct short_name {
  char bytes[SHORT_NAME_LIMIT];
};

struct long_name {
  char bytes[NAME_LIMIT];
};

struct rule {
  s64 minimum; /* times 10**decimals, as is the maximum */
  s64 maximum;
  u64 interval;  /* nanoseconds; 0 means no limit */
  u64 tolerance; /* interval times burst */
  u32 slot;      /* of the token */
  u8 type;
  u8 decimals;
  u8 verdict;
  u8 unused;
};

/* IPv4 is written as v4-mapped IPv6, so that one comparison serves both. */
struct destination {
  u64 high;
  u64 low;
  u16 port; /* network order */
  u16 unused[3];
};

/* What belongs to one generation of the policy beside its names. */
struct head {
  u32 in_force; /* 0 until the first switch: nothing gets out */
  u32 version;
  u32 count;
  u32 zero; /* always 0, which the verifier cannot know: see `unknown` in line.h */
  struct destination destinations[DESTINATIONS];
};

/* The fields are independent of each other. A write is one aligned word of eight bytes. */
struct control {
  u32 factor;     /* every interval is this many times longer */
  u8 generation;  /* of the policy: 0 or 1 */
  u8 period;      /* of the kinds: 0 or 1 */
  u8 suspended;
  u8 unused;
};

/* Who tried what. For DESTINATION the name holds the sixteen bytes of the address and two of the port. */
struct kind {
  u32 reason;
  u32 uid;
  char name[NAME_LIMIT];
};

struct tally {
  u64 count;
  u64 cookie;
  u64 announced; /* 1 once the first of them went over the ring */
};

struct announcement {
  struct kind kind;
  u64 cookie;
};

/* Only ever grows, so that a reader needs no lock to lose nothing. */
struct totals {
  u64 dropped[REASONS];
  u64 unattributed[REASONS]; /* of those, how many found no room among the kinds */
  u64 probes[REASONS];       /* refused to the self-check's own sockets; not among the dropped */
  u64 passed;
};

struct probe {
  u16 port; /* network order; of the self-check's listener on loopback */
  u16 unused[3];
};

BPF_TABLE("hash", struct short_name, struct rule, short_0, METRICS);
BPF_TABLE("hash", struct short_name, struct rule, short_1, METRICS);
BPF_TABLE("hash", struct long_name, struct rule, long_0, METRICS);
BPF_TABLE("hash", struct long_name, struct rule, long_1, METRICS);
BPF_TABLE("array", u32, struct head, heads, 2);
BPF_TABLE("array", u32, struct control, controls, 1);
BPF_TABLE("array", u32, u64, tokens, TOKENS);
BPF_TABLE("percpu_array", u32, struct totals, totals, 1);
BPF_TABLE("hash", struct kind, struct tally, kinds_0, KINDS);
BPF_TABLE("hash", struct kind, struct tally, kinds_1, KINDS);
BPF_TABLE("hash", u64, struct probe, probes, PROBES);
/* The agent's own note of what it has told of `unattributed`: here, so that it outlives the agent. */
BPF_TABLE("array", u32, u64, told, REASONS);
BPF_RINGBUF_OUTPUT(announcements, 32);
