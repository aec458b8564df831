/* From the network header to the payload. Only what is wholly linear is read: the linear part is the kernel's
 * own copy, while pages spliced in from a file can change after they were checked. */

#define PAYLOAD_LIMIT 1432
#define IPV4_HEADER 20
#define IPV6_HEADER 40
#define UDP_HEADER 8

struct packet {
  struct address to;
  u32 payload; /* offset */
};

static __always_inline u8 read_udp(struct udphdr *udp, void *end, u32 room, struct packet *packet) {
  if ((void *)(udp + 1) > end || room < UDP_HEADER)
    return DROP_LENGTH;
  if (bpf_ntohs(udp->len) != room)
    return DROP_LENGTH;
  packet->to.port = udp->dest;
  return PASS;
}

static __always_inline u8 read_ipv4(void *data, void *end, u32 length, struct packet *packet) {
  struct iphdr *ip = data;
  if ((void *)(ip + 1) > end)
    return DROP_LENGTH;
  if (*(u8 *)data != 0x45)
    return *(u8 *)data >> 4 == 4 ? DROP_IP_OPTIONS : DROP_LENGTH;
  if (ip->frag_off & bpf_htons(0x3fff))
    return DROP_FRAGMENT;
  if (ip->protocol != IPPROTO_UDP)
    return DROP_PROTOCOL;
  if (bpf_ntohs(ip->tot_len) != length)
    return DROP_LENGTH;
  packet->to.high = 0;
  packet->to.low = MAPPED(ip->daddr);
  packet->payload = IPV4_HEADER + UDP_HEADER;
  return read_udp(data + IPV4_HEADER, end, length - IPV4_HEADER, packet);
}

static __always_inline u8 other_header(u8 next) {
  switch (next) {
  case IPPROTO_FRAGMENT:
    return DROP_FRAGMENT;
  case IPPROTO_HOPOPTS:
  case IPPROTO_ROUTING:
  case IPPROTO_ESP:
  case IPPROTO_AH:
  case IPPROTO_DSTOPTS:
  case IPPROTO_MH:
    return DROP_EXTENSION_HEADER;
  default:
    return DROP_PROTOCOL;
  }
}

static __always_inline u8 read_ipv6(void *data, void *end, u32 length, struct packet *packet) {
  struct ipv6hdr *ip = data;
  if ((void *)(ip + 1) > end || *(u8 *)data >> 4 != 6)
    return DROP_LENGTH;
  if (ip->nexthdr != IPPROTO_UDP)
    return other_header(ip->nexthdr);
  if (bpf_ntohs(ip->payload_len) + IPV6_HEADER != length)
    return DROP_LENGTH;
  packet->to.high = *(u64 *)(data + 24);
  packet->to.low = *(u64 *)(data + 32);
  packet->payload = IPV6_HEADER + UDP_HEADER;
  return read_udp(data + IPV6_HEADER, end, length - IPV6_HEADER, packet);
}

static __always_inline u8 read_packet(struct __sk_buff *skb, struct packet *packet) {
  void *data = (void *)(u64)skb->data, *end = (void *)(u64)skb->data_end;
  u32 length = skb->len;
  if (skb->gso_size)
    return DROP_GSO;
  if ((u64)end - (u64)data != length)
    return DROP_NONLINEAR;
  if (skb->protocol == bpf_htons(ETH_P_IP))
    return read_ipv4(data, end, length, packet);
  if (skb->protocol == bpf_htons(ETH_P_IPV6))
    return read_ipv6(data, end, length, packet);
  return DROP_PROTOCOL;
}
