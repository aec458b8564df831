/* The datagram filter on the telemetry cgroup's way out. The loader joins the headers in front of it. */

#ifndef LINES
#define LINES 16
#endif

static __always_inline struct control *read_control(void) {
  u32 first = 0;
  return controls.lookup(&first);
}

static __always_inline struct head *read_head(struct control *control) {
  u32 generation = control->generation & 1;
  return heads.lookup(&generation);
}

/* Hashes of names can be forged, so the whole name is the key. The rule is copied, so that the verifier need not
 * follow the rest of the line once for each of the four tables. */
static __always_inline int find_rule(u8 generation, char *name, u32 length, struct rule *rule) {
  struct rule *found;
  if (length <= SHORT_NAME_LIMIT)
    found = generation ? short_1.lookup((struct short_name *)name) : short_0.lookup((struct short_name *)name);
  else
    found = generation ? long_1.lookup((struct long_name *)name) : long_0.lookup((struct long_name *)name);
  if (!found)
    return 0;
  *rule = *found;
  asm volatile("" : : "r"(rule) : "memory");
  return 1;
}

static __always_inline void clear_name(struct kind *kind) {
  u64 *words = (u64 *)kind->name;
#pragma unroll
  for (int i = 0; i < NAME_LIMIT / 8; i++)
    words[i] = 0;
}

static __always_inline u8 judge_verdict(struct __sk_buff *skb, u8 verdict) {
  u64 cookie;
  if (verdict == ALLOWED)
    return PASS;
  if (verdict != PROBE_NAME)
    return DROP_FORBIDDEN;
  cookie = bpf_get_socket_cookie(skb);
  return probes.lookup(&cookie) ? PASS : DROP_UNKNOWN_NAME;
}

static __always_inline u8 judge_line(struct __sk_buff *skb, struct control *control, u8 generation,
                                     struct text *text, u32 *offset, struct kind *kind, u64 now) {
  struct number number;
  struct rule rule;
  u32 length;
  u8 type, reason = read_name(text, offset, (u64 *)kind->name, &length);
  if (reason)
    return reason;
  if (!find_rule(generation, kind->name, length, &rule))
    return DROP_UNKNOWN_NAME;
  reason = judge_verdict(skb, rule.verdict);
  if (reason)
    return reason;
  reason = read_value(text, offset, &number);
  if (reason)
    return reason;
  reason = read_type(text, offset, &type);
  if (reason)
    return reason;
  if (type != rule.type)
    return DROP_TYPE;
  reason = check_value(&rule, &number);
  if (reason)
    return reason;
  return take_token(&rule, now, control->factor) ? PASS : DROP_RATE;
}

static __always_inline u8 judge_lines(struct __sk_buff *skb, struct control *control, u8 generation,
                                      struct text *text, u32 offset, struct kind *kind) {
  u64 now = bpf_ktime_get_ns();
  for (int i = 0; i < LINES; i++) {
    u8 reason = judge_line(skb, control, generation, text, &offset, kind, now);
    if (reason)
      return reason;
    if (at(text, offset) == NO_BYTE)
      return PASS;
    move(text, &offset, 1); /* the newline, of which one may end the datagram */
    if (at(text, offset) == NO_BYTE)
      return PASS;
  }
  clear_name(kind);
  return DROP_TOO_MANY_LINES;
}

static __always_inline u8 judge(struct __sk_buff *skb, struct control *control, struct head *head,
                                struct kind *kind) {
  struct packet packet = {};
  struct text text;
  u8 reason;
  if (!head->in_force)
    return DROP_NO_POLICY;
  reason = read_packet(skb, &packet);
  if (reason)
    return reason;
  if (!is_destination(head, &packet.to) && !is_listener(bpf_get_socket_cookie(skb), &packet.to)) {
    name_destination(kind, &packet.to);
    return DROP_DESTINATION;
  }
  if (skb->len - packet.payload > PAYLOAD_LIMIT)
    return DROP_OVERSIZED;
  open_text(skb, head->zero, &text);
  reason = judge_lines(skb, control, control->generation & 1, &text, forget(head->zero, packet.payload, 63), kind);
  if (reason)
    return reason;
  return control->suspended ? DROP_SUSPENDED : PASS;
}

int on_egress(struct __sk_buff *skb) {
  struct control *control = read_control();
  struct kind kind;
  struct head *head;
  struct totals *sum;
  u64 cookie;
  u8 reason;
  if (!control)
    return 0;
  head = read_head(control);
  if (!head)
    return 0;
  clear_name(&kind);
  reason = judge(skb, control, head, &kind);
  if (!reason) {
    sum = counters();
    if (sum)
      __sync_fetch_and_add(&sum->passed, 1);
    return 1;
  }
  cookie = bpf_get_socket_cookie(skb);
  reason = forget(head->zero, reason, REASONS - 1);
  account(&kind, reason, bpf_get_socket_uid(skb), cookie, cookie, control->period & 1);
  return 0;
}
